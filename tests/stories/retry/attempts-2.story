With attempts = 2 there is one retry
servers a b c
attempts = 2;

c1 asks www.example. A
a hears www.example. A
at 750 someone hears www.example. A
after 2249
nobody hears anything
at 3000 c1 gets SERVFAIL from us
counter attempts is 2
