Two good tests in a row end an ejection
servers a b
eject = { base_ms = 10000; };
a answers SERVFAIL to queries
b answers to queries

the crowd asks 5 times n*.example. A
after 1
server a is ejected
a answers to queries
every 10 until 5000 the crowd asks m*.example. A
within 1700 logged: server a (198.51.100.1:53) is up: it answered two test queries
server a is up
