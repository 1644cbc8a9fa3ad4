A SERVFAIL, and nobody else can be reached: the SERVFAIL is the answer at once
servers a b
b is unreachable

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
c1 gets SERVFAIL from a
counter fallbacks is 1
