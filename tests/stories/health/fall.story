An up server is down after three failed probes
servers a b
a is silent to probes

at 4020
server a is up
within 400 logged: server a (198.51.100.1:53) is down after 3 failed probes: no reply to ". NS" within 1000 ms
server a is down
server b is up
