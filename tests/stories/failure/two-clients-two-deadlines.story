Each query has a deadline of its own
servers a
attempts = 1;

c1 asks one.example. A
a hears one.example. A
at 500
c2 asks two.example. A
a hears two.example. A
at 3000 c1 gets SERVFAIL from us
at 3500 c2 gets SERVFAIL from us
