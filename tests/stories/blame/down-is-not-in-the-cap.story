Servers that are down do not count in the cap
servers a b c
policy = "round-robin";
health = { fall = 1; };
a answers SERVFAIL to probes
b answers SERVFAIL to queries
c answers to queries

within 1200 server a is down
every 5 until 2000 the crowd asks n*.example. A
within 600 server b is ejected
