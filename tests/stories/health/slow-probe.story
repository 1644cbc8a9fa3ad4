A probe answered a moment before its time is over is good, and one after is not
servers a b
health = { fall = 1; };
a answers after 999 to probes
b answers after 1001 to probes

within 2200 server b is down
after 5 s
server a is up
