What is given up ends as at its deadline
servers a

c1 asks www.example. A with EDNS 1232
a hears www.example. A
everything is given up
c1 gets SERVFAIL from us, with EDE 22
0 queries are pending
a has 0 outstanding
