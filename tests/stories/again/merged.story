A retransmission meets its pending query and asks nobody
servers a b

c1 asks www.example. A
a hears www.example. A
after 100
c1 asks again
nobody hears anything
counter merged is 1
a replies
c1 gets NOERROR from a
nobody gets anything
