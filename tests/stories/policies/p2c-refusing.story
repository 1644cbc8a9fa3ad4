With policy p2c a refusing server costs no client an answer
servers a b c
policy = "p2c";
everyone answers after 2

every 1 until 6000 the crowd asks n*.example. A
at 1000
a answers REFUSED after 1 to queries
at 7000
the crowd always got NOERROR
