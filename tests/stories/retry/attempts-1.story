With attempts = 1 nothing is asked twice
servers a b
attempts = 1;

c1 asks one.example. A
a hears one.example. A
c1 asks two.example. A
a hears two.example. A
a replies SERVFAIL to two.example. A
c1 gets SERVFAIL from a
at 3000 c1 gets SERVFAIL from us
counter attempts is 2
counter retries is 0
