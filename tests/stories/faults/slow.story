A server that is ten times slower costs no client an answer
servers a b c
policy = "p2c";
everyone answers after 2

every 1 until 8000 the crowd asks n*.example. A
at 1000
a answers after 20
at 9000
the crowd always got NOERROR
the crowd waited at most 30
counter retries is 0
server a is up
