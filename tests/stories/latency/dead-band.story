Two milliseconds are no difference
servers a b
policy = "random";
latency = "on";
a answers after 3
b answers after 1.5

every 2 until 8000 the crowd asks n*.example. A
at 8100
the share of a is 50 % +- 3
