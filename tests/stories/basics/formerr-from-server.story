A FORMERR of a server is its answer
servers a b

c1 asks www.example. A with EDNS 1232
a hears www.example. A
a replies FORMERR without OPT
c1 gets FORMERR from a, without OPT
nobody hears anything
