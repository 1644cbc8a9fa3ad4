A server that sends garbage is as one that is silent
servers a b
a answers with garbage

c1 asks www.example. A
at 750 b hears www.example. A
b replies
c1 gets NOERROR from b
