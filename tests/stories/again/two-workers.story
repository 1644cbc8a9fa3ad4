A retransmission that reaches another worker is a query of its own
servers a
workers = 2;

c1 asks www.example. A
a hears www.example. A at worker 1
c1 asks again at worker 2
a hears www.example. A at worker 2
a replies
c1 gets NOERROR from a, at worker 1
a replies
c1 gets NOERROR from a, at worker 2
counter merged is 0
