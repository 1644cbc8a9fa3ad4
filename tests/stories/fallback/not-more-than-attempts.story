The fourth server is not asked
servers a b c d

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
someone hears www.example. A
it replies REFUSED
another hears www.example. A
it replies SERVFAIL
c1 gets SERVFAIL
nobody hears anything
