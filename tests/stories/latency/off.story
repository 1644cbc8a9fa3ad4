Without latency = "on" a slow server gets its share
servers a b
policy = "random";
a answers after 40
b answers after 10

every 2 until 6000 the crowd asks n*.example. A
at 6100
the share of a is 50 % +- 3
