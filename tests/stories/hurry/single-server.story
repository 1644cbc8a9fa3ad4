A retransmission brings the retry at a single server forward
servers a

c1 asks www.example. A
a hears www.example. A
at 400
c1 asks again
a hears www.example. A
a replies to the last
c1 gets NOERROR from a
