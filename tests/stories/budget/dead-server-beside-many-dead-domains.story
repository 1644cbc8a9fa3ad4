Nor does a server that hangs lose its retries to them, though all are in doubt
servers a b c
policy = "random";
everyone answers after 2
about dead.test. everyone is silent

every 1 until 20 s the crowd asks n.d*.dead.test. A
every 1 until 20 s the flood asks n*.www.example. A
at 5000
a is silent
at 8000
a answers after 2
at 24 s
the flood always got NOERROR
the flood waited at most 760
