Of weights three to one the heavy one dead costs no client an answer
server a weight = 3;
server b weight = 1;
policy = "p2c";
everyone answers after 2

every 1 until 8000 the crowd asks n*.example. A
at 1000
a is silent
at 9000
the crowd always got NOERROR
the crowd waited at most 800
