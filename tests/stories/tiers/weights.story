The part of a tier that is up is counted by weight
server a tier = 0; weight = 3;
server b tier = 0; weight = 1;
server c tier = 1;
policy = "random";
health = { fall = 1; };
everyone answers
a answers SERVFAIL to probes

within 1200 server a is down
count anew
every 1 until 8000 the crowd asks n*.example. A
at 8100
the share of b is 35 % +- 3
the share of c is 65 % +- 3
