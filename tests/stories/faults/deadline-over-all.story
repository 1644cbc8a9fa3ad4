However sick the pool, every client hears something by the deadline
servers a b c
policy = "p2c";
everyone is silent
b answers SERVFAIL after 700
c loses 50 %

every 5 until 5000 the crowd asks n*.example. A
at 9000
the crowd got no answer 0 times
the crowd waited at most 3001
