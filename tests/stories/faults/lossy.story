A fifth of a server's traffic lost costs no client an answer
servers a b c
policy = "p2c";
everyone answers after 2

every 1 until 8000 the crowd asks n*.example. A
at 1000
a loses 20 %
at 11 s
the crowd always got NOERROR
the crowd waited at most 800
