When all are dead clients hear SERVFAIL in time, and when they are back they are asked at once
servers a b c
policy = "p2c";
everyone answers after 2

every 5 until 20 s the crowd asks n*.example. A
at 5000
everyone is silent
at 10 s
server a is down
server b is down
server c is down
everyone answers after 2
at 11 s
count anew
at 21 s
the crowd always got NOERROR
the crowd waited at most 10
