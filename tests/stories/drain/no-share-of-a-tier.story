A draining server does not count in its tier's weight
server a tier = 0;
server b tier = 0; state = "drain";
server c tier = 1;
policy = "round-robin";
everyone answers

every 5 until 1000 the crowd asks n*.example. A
at 1100
the share of a is 100 % +- 0
