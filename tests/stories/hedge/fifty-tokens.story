No more than fifty hedges are saved up
servers a b c
policy = "p2c";
workers = 1;
hedge = { percent = 2; };
retry = { budget_percent = 100; };
everyone answers after 10

every 1 until 9000 the crowd asks n*.example. A
at 9000
everyone answers after 200
count anew
the crowd asks 300 times m*.example. A
after 100
counter hedges is at most 57
counter hedges is at least 50
