Names that nobody answers get one retry in five, and ten a second more
servers a b c
policy = "p2c";
everyone answers after 2
about dead.test. everyone is silent

every 1 until 20 s the flood asks n*.dead.test. A
at 24 s
counter retries is at most 4400
counter retries_denied is at least 10000
the flood got SERVFAIL at least 100 %
server a is up
