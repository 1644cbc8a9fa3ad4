Traffic comes back at once when the tier it is in has nobody up
server a tier = 0;
server b tier = 1;
policy = "p2c";
health = { fall = 1; };
everyone answers
a answers SERVFAIL to probes

within 1200 server a is down
a answers
within 1500 server a is up
b answers SERVFAIL to probes
within 1300 server b is down
count anew
every 5 until 6000 the crowd asks n*.example. A
at 6100
the share of a is 100 % +- 0
