A server of health.mode "off" counts as up without probes, while the others are probed
cold start
server a health = { mode = "off"; };
servers b
b is silent to probes

server a is up
within 1100 logged: server b (198.51.100.2:53) is down at start
a hears no probe
