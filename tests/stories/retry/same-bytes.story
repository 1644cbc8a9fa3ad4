A retry carries the client's query as it was, EDNS and flags and all
servers a b

c1 asks wWw.example. A with EDNS 1232, with DO, with CD
a hears www.example. A of 40 bytes, with CD, with OPT
at 750 b hears www.example. A of 40 bytes, with CD, with OPT, with another ID
b replies
c1 gets NOERROR for wWw.example. A
