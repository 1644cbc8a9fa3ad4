Names that nobody answers, in many domains, leave a lossy server its retries
servers a b c
policy = "random";
everyone answers after 2
about dead.test. everyone is silent

every 1 until 20 s the flood asks n.d*.dead.test. A
every 2 until 20 s the crowd asks n*.www.example. A
at 5000
a loses 5 %
at 24 s
counter retries_denied is at least 10000
the crowd always got NOERROR
the crowd waited at most 760
