With latency = "on" one that is four times slower gets a quarter of the other's share
servers a b
policy = "random";
latency = "on";
a answers after 40
b answers after 10

every 2 until 3000 the crowd asks n*.example. A
at 3100
count anew
every 2 until 11 s the crowd asks n*.example. A
at 11100
the share of a is 20 % +- 3
