Traffic comes back to a lower tier after it could have had it for 30 s
server a tier = 0;
server b tier = 0;
server c tier = 1;
policy = "random";
health = { fall = 1; };
everyone answers
a answers SERVFAIL to probes

within 1200 server a is down
a answers
within 1500 server a is up
count anew
every 20 until 20 s the crowd asks n*.example. A
at 20100
the share of c is 30 % +- 5
at 35 s
count anew
every 20 until 45 s the crowd asks n*.example. A
at 45100
the share of c is 0 % +- 0
