A server that answers with wrong IDs is as one that is silent
servers a b
a answers with wrong ID

c1 asks www.example. A
at 750 b hears www.example. A
b replies
c1 gets NOERROR from b
