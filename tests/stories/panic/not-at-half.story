Exactly panic_percent up is no panic
servers a b
eject = { base_ms = 60000; };
a answers SERVFAIL to queries
b answers to queries

the crowd asks 5 times n*.example. A
after 10
server a is ejected
the pool does not panic
