A server that comes back starts with a tenth of its share, and has half at half of the time
servers a b
policy = "random";
slow_start_ms = 40000;
health = { fall = 1; };
everyone answers
a answers SERVFAIL to probes

within 1200 server a is down
after 15 s
a answers
within 1500 server a is up
count anew
every 1 until 19 s the crowd asks n*.example. A
at 19100
the share of a is 9.1 % +- 2
at 36 s
count anew
every 1 until 38 s the crowd asks n*.example. A
at 38100
the share of a is 33 % +- 4
at 80 s
count anew
every 1 until 82 s the crowd asks n*.example. A
at 82100
the share of a is 50 % +- 4
