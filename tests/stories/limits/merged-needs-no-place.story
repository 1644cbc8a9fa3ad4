A retransmission needs no place
server a max_outstanding = 1;

c1 asks one.example. A
a hears one.example. A
c1 asks again
counter merged is 1
counter shed_limit is 0
a has 1 outstanding
