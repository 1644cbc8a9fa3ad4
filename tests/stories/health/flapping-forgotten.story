A minute up forgets one time down
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
after 61 s
a answers SERVFAIL to probes
within 1200 server a is down
a answers to probes
within 1200 server a is up
