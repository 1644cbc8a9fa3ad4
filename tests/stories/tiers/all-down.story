When a whole tier is down the next takes all
server a tier = 0;
server b tier = 3;
policy = "p2c";
health = { fall = 1; };
everyone answers
a answers SERVFAIL to probes

within 1200 server a is down
logged: server a
logged: queries go to tier 0: 0 %, tier 3: 100 %
count anew
every 5 until 3000 the crowd asks n*.example. A
at 3100
the share of b is 100 % +- 0
