A server that goes down keeps the queries it has
servers a b
attempts = 1;

a is silent to probes
at 3500
c1 asks www.example. A
a hears www.example. A
within 1000 server a is down
a replies
c1 gets NOERROR from a
