With health.mode = "off" nobody is probed, and all count as up
cold start
servers a b
health = { mode = "off"; };
a is silent

server a is up
after 10 s
a hears no probe
b hears no probe
server a is up
