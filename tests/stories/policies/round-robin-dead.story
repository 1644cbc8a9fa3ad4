With policy round-robin a dead server costs no client an answer
servers a b c
policy = "round-robin";
everyone answers after 2

every 1 until 6000 the crowd asks n*.example. A
at 1000
a is silent
at 7000
server a is down
the crowd always got NOERROR
the crowd waited at most 800
