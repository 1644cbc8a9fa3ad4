Names that fail everywhere do not use up the retries of a dead server
servers a b c
policy = "round-robin";
everyone answers after 2
about broken.test. everyone answers SERVFAIL

every 1 until 10 s the flood asks n*.broken.test. A
every 5 until 10 s the crowd asks n*.example. A
at 5000
a is silent
at 12 s
counter retries_denied is at least 1000
the crowd always got NOERROR
the crowd waited at most 760
