A server that is restarted every second costs no client an answer
servers a b c
policy = "p2c";
everyone answers after 2

every 1 until 8000 the crowd asks n*.example. A
at 1000
a is closed
after 500
a is reachable
after 500
a is closed
after 500
a is reachable
after 500
a is closed
after 500
a is reachable
after 500
a is closed
after 500
a is reachable
at 9000
the crowd always got NOERROR
the crowd waited at most 800
