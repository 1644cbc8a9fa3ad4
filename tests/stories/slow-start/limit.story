A server that starts slowly has a part of its limit as well
server a max_outstanding = 25;
server b
slow_start_ms = 40000;
health = { fall = 1; };
b answers to queries
a answers SERVFAIL to probes

within 1200 server a is down
after 15 s
a answers to probes
a is silent to queries
within 1500 server a is up
the crowd asks 300 times n*.example. A
a has 2 outstanding
