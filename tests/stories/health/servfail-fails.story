A SERVFAIL fails a probe
servers a b
health = { fall = 1; };
a answers SERVFAIL to probes

within 1200 logged: server a (198.51.100.1:53) is down after 1 failed probes: it answers ". NS" with SERVFAIL
