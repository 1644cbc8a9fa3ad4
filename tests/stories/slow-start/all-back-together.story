Servers that come back from the same trouble share alike at once
servers a b c
policy = "random";
slow_start_ms = 40000;
health = { fall = 1; };
everyone answers
a is silent
b is silent
c is silent

within 5 s server a is down
within 5 s server b is down
within 5 s server c is down
at 20 s
everyone answers
within 2500 server a is up
within 2500 server b is up
within 2500 server c is up
count anew
every 1 until 26 s the crowd asks n*.example. A
at 26100
the share of a is 33 % +- 3
the share of b is 33 % +- 3
