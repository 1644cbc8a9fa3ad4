A lowest tier that dies under load costs nobody an answer
server a tier = 0;
server b tier = 1;
policy = "p2c";
everyone answers after 2

every 2 until 4000 the crowd asks n*.example. A
at 1000
a is silent
at 3000
server a is down
at 5000
the crowd always got NOERROR
the crowd waited at most 760
