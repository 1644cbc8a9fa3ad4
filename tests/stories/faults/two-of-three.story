Two of three dead at once cost no client an answer
servers a b c
policy = "p2c";
everyone answers after 2

every 2 until 8000 the crowd asks n*.example. A
at 1000
a is silent
b is silent
at 9000
the crowd always got NOERROR
