When nobody is up all that are not forced down are asked all the same, and that is told
servers a b
health = { fall = 1; };
a is silent to probes
b is silent to probes

within 2200 logged: is down after 1 failed probes
within 500 logged: no server is up: those that drain are asked if they answer probes, else all that are not forced down
server a is down
server b is down
c1 asks www.example. A
a hears www.example. A
a replies
c1 gets NOERROR from a
