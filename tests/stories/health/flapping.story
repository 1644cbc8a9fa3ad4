The third time down within minutes a server is taken back later
servers a b
health = { fall = 1; rise = 1; };
eject = { base_ms = 20000; };
a answers SERVFAIL to probes

within 1200 server a is down
a answers to probes
within 1200 server a is up
a answers SERVFAIL to probes
within 1200 server a is down
a answers to probes
within 1200 server a is up
a answers SERVFAIL to probes
within 1200 logged: out 3 times of late, so for at least 20.0 s
a answers to probes
after 18 s
server a is down
within 2500 server a is up
