Names that nobody answers eject nobody, however many are asked
servers a b c
policy = "p2c";
everyone answers after 2
about dead.test. everyone is silent

every 1 until 10000 the flood asks n*.dead.test. A
every 10 until 10000 the crowd asks n*.example. A
at 14 s
server a is up
server b is up
server c is up
the crowd always got NOERROR
the crowd waited at most 760
the flood got SERVFAIL at least 100 %
