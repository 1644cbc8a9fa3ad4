When all three say SERVFAIL, that is the answer, at once
servers a b c

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
someone hears www.example. A
it replies SERVFAIL
another hears www.example. A
it replies SERVFAIL
c1 gets SERVFAIL
counter fallbacks is 1
counter attempts is 3
