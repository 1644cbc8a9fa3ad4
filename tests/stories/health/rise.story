A down server is up after two good probes, the second after fast_interval_ms
servers a b
a is silent to probes

within 4600 server a is down
a answers to probes
within 1400 logged: server a (198.51.100.1:53) is up: it answers ". NS" with NOERROR
server a is up
