The hash policies do not look at latency
servers a b
policy = "hash";
latency = "on";
a answers after 60
b answers after 10

every 20 until 10 s the crowd asks n*.example. A
at 10100
count anew
every 20 until 60 s the crowd asks n*.example. A
at 60100
the share of a is 50 % +- 6
