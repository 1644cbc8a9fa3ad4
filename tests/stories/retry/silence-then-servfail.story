A SERVFAIL of the second leads to the third, and the first may still win
servers a b c

c1 asks www.example. A
a hears www.example. A
at 750 someone hears www.example. A
after 10
it replies SERVFAIL
another hears www.example. A
after 10
a replies
c1 gets NOERROR from a
counter retries is 2
