A retransmitted signed query is asked once all the same
servers a b

c1 asks www.example. A with TSIG
a hears www.example. A
at 2000
c1 asks again
nobody hears anything
a replies with TSIG
c1 gets NOERROR from a
