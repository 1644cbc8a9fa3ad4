All queries go to the lowest tier while it is well
server a tier = 0;
server b tier = 1;
policy = "p2c";
everyone answers

every 5 until 1000 the crowd asks n*.example. A
at 1100
the share of a is 100 % +- 0
