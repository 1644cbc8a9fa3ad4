With policy p2c a five times slower server gets a quarter of its share when busy
servers a b c d e
policy = "p2c";
everyone answers after 10
a answers after 50

every 0.2 until 5000 the crowd asks n*.example. A
at 6000
the share of a is 5.5 % +- 3
