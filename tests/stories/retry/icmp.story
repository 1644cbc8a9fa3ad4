An ICMP error asks again everything that waits at that socket, at once
servers a b
upstream_sockets = 1;
a waits

c1 asks one.example. A
c2 asks two.example. A
a hears 2 queries
after 10
a is closed
c3 asks three.example. A
b hears 3 queries
b answers
after 1
nobody gets anything
counter retries is 3
