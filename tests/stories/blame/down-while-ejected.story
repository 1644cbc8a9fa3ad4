An ejected server whose probes fail is down
servers a b
health = { fall = 1; };
eject = { base_ms = 20000; };
a answers SERVFAIL to queries
b answers

the crowd asks 5 times n*.example. A
after 1
server a is ejected
a is silent
within 2500 server a is down
