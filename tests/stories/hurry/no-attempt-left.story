A retransmission makes no attempt beyond the last
servers a b
attempts = 2;

c1 asks www.example. A
a hears www.example. A
at 750 b hears www.example. A
at 2000
c1 asks again
nobody hears anything
counter merged is 1
at 3000 c1 gets SERVFAIL from us
