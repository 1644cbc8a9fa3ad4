A server is probed as its own health says, and the others as that of all
servers a
server b health = { qname = "health.example."; qtype = "A"; fall = 1; interval_ms = 300; timeout_ms = 100; };

within 400 b hears a probe for health.example. A
b is silent to probes
within 450 logged: server b (198.51.100.2:53) is down after 1 failed probes: no reply to "health.example. A" within 100 ms
a is silent to probes
within 1200 a hears a probe for . NS
server a is up
within 4 s logged: server a (198.51.100.1:53) is down after 3 failed probes: no reply to ". NS" within 1000 ms
