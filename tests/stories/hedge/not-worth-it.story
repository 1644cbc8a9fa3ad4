Hedges of which fewer than one in twenty is won stop for a minute, and are counted
servers a b c
policy = "p2c";
hedge = { percent = 15; };
retry = { budget_percent = 100; };
everyone answers after 1
a loses 1 %
about slow.test. everyone is silent

every 5 until 120 s the crowd asks n*.example. A
every 40 until 120 s the crowd asks n*.slow.test. A
at 39 s
counter hedges_won is at least 5
counter hedges_off is 0
at 60 s
counter hedges is 1000
counter hedges_off is at least 400
at 98 s
counter hedges is 1000
at 120 s
counter hedges is at least 1200
counter hedges_denied is 0
