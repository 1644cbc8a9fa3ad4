health.reject says which answers fail a probe
servers a b
health = { fall = 1; reject = [ "NXDOMAIN" ]; };
a answers NXDOMAIN to probes
b answers SERVFAIL to probes

within 1200 server a is down
after 5 s
server b is up
