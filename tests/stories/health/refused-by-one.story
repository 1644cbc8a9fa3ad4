Where another server has answered the default name, one that refuses it fails
servers a b
health = { fall = 1; };
a refuses

within 1200 logged: server a (198.51.100.1:53) is down after 1 failed probes: it answers ". NS" with REFUSED
