Names that fail everywhere, in many domains, leave a server that refuses its retries
servers a b c
policy = "random";
everyone answers after 2
about broken.test. everyone answers SERVFAIL

every 1 until 10 s the flood asks n.d*.broken.test. A
every 5 until 10 s the crowd asks n*.www.example. A
at 5000
a refuses to queries
at 14 s
counter retries_denied is at least 1000
the crowd always got NOERROR
