The first probe decides alone
cold start
servers a b

a is silent
server a is unknown
server b is unknown
after 1
server b is up
server a is unknown
at 1000 logged: server a (198.51.100.1:53) is down at start: no reply to ". NS" within 1000 ms
server a is down
