With fewer than panic_percent up, ejections are ignored
servers a b c
policy = "round-robin";
eject = { max_percent = 100; base_ms = 60000; };
a answers SERVFAIL to queries
b answers SERVFAIL to queries
c answers to queries

every 5 until 3000 the crowd asks n*.example. A
at 1000
server a is ejected
server b is ejected
the pool panics
logged: too few servers are up: those that are ejected are asked as well
count anew
at 3100
the share of a is 30 % +- 12
the crowd always got NOERROR
