With policy least-outstanding shares follow the weights when there is much to do
server a weight = 4;
server b weight = 1;
policy = "least-outstanding";
everyone answers after 100

every 0.5 until 5000 the crowd asks n*.example. A
at 6000
the share of a is 80 % +- 2
