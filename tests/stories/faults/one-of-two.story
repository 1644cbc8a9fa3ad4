One of two dead costs no client an answer
servers a b
policy = "p2c";
everyone answers after 2

every 1 until 8000 the crowd asks n*.example. A
at 1000
a is silent
at 9000
the crowd always got NOERROR
the crowd waited at most 800
