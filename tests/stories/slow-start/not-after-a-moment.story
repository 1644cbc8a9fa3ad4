A server that was away for less than ten seconds starts with its whole share
servers a b
policy = "random";
slow_start_ms = 40000;
health = { fall = 1; };
everyone answers
a answers SERVFAIL to probes

within 1200 server a is down
after 2 s
a answers
within 1500 server a is up
count anew
every 1 until 8 s the crowd asks n*.example. A
at 8100
the share of a is 50 % +- 3
