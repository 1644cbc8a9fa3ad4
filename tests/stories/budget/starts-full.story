The first hundred retries need no savings
servers a b
policy = "round-robin";
retry = { budget_percent = 0; };
about broken.test. everyone answers SERVFAIL

the crowd asks 100 times www.n*.broken.test. A
counter retries is 100
counter retries_denied is 0
the crowd asks 10 times www.n*.broken.test. A
counter retries_denied is 10
