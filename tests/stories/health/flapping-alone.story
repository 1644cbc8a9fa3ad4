When nobody else is up a flapping server is taken back at once
servers a
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
within 1200 server a is down
a answers to probes
within 1200 server a is up
