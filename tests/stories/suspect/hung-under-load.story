A hung server is left within two seconds
servers a b c
policy = "p2c";
everyone answers after 2

every 5 until 6000 the crowd asks n*.example. A
at 1000
a is silent
at 3000
server a is down
count anew
at 6500
the share of a is 0 % +- 0
the crowd always got NOERROR
