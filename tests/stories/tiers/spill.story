A tier takes 1.4 times the part of it that is up, and the rest goes to the next
server a tier = 0;
server b tier = 0;
server c tier = 0;
server d tier = 1;
policy = "random";
health = { fall = 1; };
everyone answers
a answers SERVFAIL to probes
b answers SERVFAIL to probes

within 1200 server a is down
within 400 server b is down
count anew
every 1 until 8000 the crowd asks n*.example. A
at 8100
the share of c is 46.7 % +- 3
the share of d is 53.3 % +- 3
