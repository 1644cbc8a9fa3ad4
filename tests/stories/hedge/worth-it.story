Hedges of which one in ten is won go on
servers a b c
policy = "p2c";
hedge = { percent = 15; };
retry = { budget_percent = 100; };
everyone answers after 1
a loses 5 %
about slow.test. everyone is silent

every 5 until 120 s the crowd asks n*.example. A
every 40 until 120 s the crowd asks n*.slow.test. A
at 121 s
counter hedges is at least 2500
counter hedges_won is at most 15 % of hedges
counter hedges_off is 0
