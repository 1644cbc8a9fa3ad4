Names that fail everywhere do not use up the retries of a server that refuses
servers a b c
policy = "random";
everyone answers after 2
about broken.test. everyone answers SERVFAIL

every 1 until 10 s the flood asks n*.broken.test. A
every 5 until 10 s the crowd asks n*.example. A
at 5000
a refuses to queries
at 14 s
the crowd always got NOERROR
