In panic there are no hedges
servers a b c
policy = "round-robin";
hedge = { percent = 2; };
eject = { max_percent = 100; base_ms = 60000; };
everyone answers after 20

every 10 until 5000 the crowd asks n*.example. A
at 5000
a answers SERVFAIL after 20 to queries
b answers SERVFAIL after 20 to queries
every 10 until 8000 the crowd asks n*.example. A
within 3000 the pool panics
hedges are sent after 0
