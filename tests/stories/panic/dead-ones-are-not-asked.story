Panic does not bring servers back that are down
servers a b c
policy = "round-robin";
health = { fall = 1; };
a is silent to probes
b is silent to probes
c answers to queries

within 2200 server a is down
within 400 server b is down
count anew
every 5 until 4000 the crowd asks n*.example. A
at 4100
the share of c is 100 % +- 0
