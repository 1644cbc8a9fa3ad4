A server that answers from another address costs no client an answer, and is left and taken back within two seconds
servers a b c
policy = "p2c";
everyone answers after 2

every 1 until 9000 the crowd asks n*.example. A
at 1000
a answers after 2 from the address of c
at 3000
server a is down
count anew
at 5000
the share of a is 0 % +- 0
a is reachable
a answers after 2
at 7000
server a is up
count anew
at 10 s
the share of a is 33 % +- 4
the crowd always got NOERROR
the crowd waited at most 800
