One good probe does not bring a server back
servers a b
health = { rise = 4; fall = 1; };
a is silent to probes

within 2200 server a is down
a answers to probes
within 1200 a hears a probe
server a is down
within 300 a hears a probe
server a is down
within 300 a hears a probe
server a is down
within 300 server a is up
