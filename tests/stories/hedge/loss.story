With hedging a lost query is answered after the hedge's delay and a round trip
servers a b c
policy = "p2c";
hedge = { percent = 2; };
everyone answers after 10

every 2 until 5000 the crowd asks n*.example. A
at 5000
count anew
a loses 1 %
every 2 until 20 s the crowd asks n*.example. A
at 21 s
the crowd always got NOERROR
the crowd waited at most 40
counter hedges is at most 2.1 % of attempts
