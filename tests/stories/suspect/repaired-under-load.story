A repaired server is back in use within two seconds
servers a b c
policy = "p2c";
everyone answers after 2

every 5 until 12000 the crowd asks n*.example. A
at 1000
a is silent
at 5000
server a is down
a answers after 2
at 7000
server a is up
count anew
at 12500
the share of a is 33 % +- 4
the crowd always got NOERROR
