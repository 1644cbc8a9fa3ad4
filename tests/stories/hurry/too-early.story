A retransmission before half of the attempt timeout asks nobody
servers a b

c1 asks www.example. A
a hears www.example. A
at 374
c1 asks again
nobody hears anything
at 750 b hears www.example. A
b replies
c1 gets NOERROR from b
counter merged is 1
