A retry goes to a server that has room
servers a
server b max_outstanding = 1;
server c weight = 1; tier = 1;

c1 asks one.example. A
a hears one.example. A
at 750 b hears one.example. A
c2 asks two.example. A
a hears two.example. A
a replies SERVFAIL to two.example. A
c hears two.example. A
c replies
c2 gets NOERROR from c
b replies
c1 gets NOERROR from b
