After an ICMP error the attempt stays matched, for the message can be forged
servers a b
upstream_sockets = 1;

c1 asks one.example. A
a hears one.example. A
after 10
a is closed
c2 asks two.example. A
b hears 2 queries
a is reachable
a replies to one.example. A
c1 gets NOERROR from a
b replies to two.example. A
c2 gets NOERROR from b
