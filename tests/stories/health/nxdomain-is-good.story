An NXDOMAIN is a good answer to a probe
servers a b
health = { fall = 1; };
a answers NXDOMAIN to probes

after 5 s
server a is up
