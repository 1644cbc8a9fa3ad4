Panic ends when enough are up again
servers a b c
policy = "round-robin";
eject = { max_percent = 100; base_ms = 5000; };
a answers SERVFAIL to queries
b answers SERVFAIL to queries
c answers to queries

every 5 until 500 the crowd asks n*.example. A
at 500
the pool panics
a answers to queries
b answers to queries
within 8 s the pool does not panic
