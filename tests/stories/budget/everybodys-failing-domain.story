One domain that fails for everybody leaves a refusing server its retries
servers a b c
policy = "random";
everyone answers after 2
about broken.test. everyone answers SERVFAIL

every 1 until 10 s the crowd asks n*.broken.test. A
every 5 until 10 s the flood asks n*.example. A
at 5000
a refuses to queries
at 14 s
the flood always got NOERROR
