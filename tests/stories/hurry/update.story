A retransmitted UPDATE is asked once all the same
servers a b

c1 updates example.
a hears example. SOA
at 2000
c1 asks again
nobody hears anything
counter merged is 1
a replies
c1 gets NOERROR from a
