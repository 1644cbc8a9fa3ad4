A client's retransmission brings the due retry forward, from half of the attempt timeout on
servers a b

c1 asks www.example. A
a hears www.example. A
at 375
c1 asks again
b hears www.example. A
counter merged is 1
counter retries is 1
b replies
c1 gets NOERROR from b
nobody gets anything
