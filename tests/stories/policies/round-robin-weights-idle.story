With policy round-robin shares follow the weights when there is little to do
server a weight = 4;
server b weight = 1;
policy = "round-robin";
everyone answers after 1

every 100 until 400 s the crowd asks n*.example. A
at 401 s
the share of a is 80 % +- 2
