Two of three are nearly enough: a fifteenth goes to the next tier
server a tier = 0;
server b tier = 0;
server c tier = 0;
server d tier = 1;
policy = "random";
health = { fall = 1; };
everyone answers
a answers SERVFAIL to probes

within 1200 server a is down
count anew
every 1 until 8000 the crowd asks n*.example. A
at 8100
the share of d is 6.7 % +- 2
