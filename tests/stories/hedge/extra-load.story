When everybody is slow the hedges are no more than their percentage
servers a b c
policy = "p2c";
hedge = { percent = 2; };
everyone answers after 10

every 2 until 5000 the crowd asks n*.example. A
at 5000
everyone answers after 60
every 2 until 15 s the crowd asks n*.example. A
at 15100
counter hedges is at least 10
counter hedges is at most 2.1 % of attempts
the crowd always got NOERROR
