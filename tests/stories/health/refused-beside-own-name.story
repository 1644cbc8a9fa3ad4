Where another server has answered a name of its own, one that refuses the default name counts as up
cold start
server a health = { qname = "health.example."; };
servers b
b refuses

within 1 logged: server b refuses the probe ". NS" and counts as up
after 5 s server b is up
