Forged replies to probes do not keep a server up
servers a b
health = { fall = 1; };
a answers with wrong ID to probes
b answers with garbage to probes

within 2200 server a is down
within 400 server b is down
