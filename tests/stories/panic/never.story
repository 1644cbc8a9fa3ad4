With panic_percent = 0 there is no panic
servers a b c d
policy = "round-robin";
panic_percent = 0;
eject = { max_percent = 100; base_ms = 60000; };
a answers SERVFAIL to queries
b answers SERVFAIL to queries
c answers SERVFAIL to queries
d answers to queries

every 5 until 2000 the crowd asks n*.example. A
at 2100
server a is ejected
server b is ejected
server c is ejected
the pool does not panic
the crowd got NOERROR at least 99 %
