Servers that all refuse the default name are up, and that is told once
cold start
servers a b
a refuses
b refuses

after 1
server a is up
server b is up
logged: refuses the probe ". NS" and counts as up: set health.qname
logged: server a (198.51.100.1:53) is up
logged: server b (198.51.100.2:53) is up
nothing is logged
