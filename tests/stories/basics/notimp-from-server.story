A NOTIMP of a server is its answer
servers a b

c1 asks www.example. A
a hears www.example. A
a replies NOTIMP
c1 gets NOTIMP from a
nobody hears anything
