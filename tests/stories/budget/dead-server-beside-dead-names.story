Names that nobody answers do not use up the retries of a dead server
servers a b c
policy = "round-robin";
everyone answers after 2
about dead.test. everyone is silent

every 1 until 10 s the flood asks n*.dead.test. A
every 5 until 10 s the crowd asks n*.example. A
at 5000
a is silent
at 14 s
the crowd always got NOERROR
the crowd waited at most 760
