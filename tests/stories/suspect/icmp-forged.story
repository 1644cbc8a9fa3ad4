A forged ICMP takes nobody down: the confirming probe is answered
servers a b
upstream_sockets = 1;

a is closed
c1 asks www.example. A
a is reachable
b hears www.example. A
server a is down
a is reachable
b replies
c1 gets NOERROR from b
