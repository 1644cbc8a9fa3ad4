A single server's SERVFAIL is its answer, at once
servers a

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
c1 gets SERVFAIL from a
nobody hears anything
counter attempts is 1
