Names that fail everywhere get one retry in five, and ten a second more
servers a b c
policy = "p2c";
about broken.test. everyone answers SERVFAIL

every 1 until 20 s the flood asks n*.broken.test. A
at 24 s
counter retries is at most 4400
counter retries_denied is at least 10000
the flood got SERVFAIL at least 100 %
