Latency takes no more than three quarters of anybody's share
servers a b
policy = "random";
latency = "on";
a answers after 200
b answers after 5

every 2 until 3000 the crowd asks n*.example. A
at 3300
count anew
every 2 until 11 s the crowd asks n*.example. A
at 11300
the share of a is 20 % +- 3
