Savings are no more than those of ten seconds, and at least a hundred
servers a b
retry = { budget_percent = 0; };
about broken.test. everyone answers SERVFAIL

after 300 s
the crowd asks 200 times n*.broken.test. A
counter retries is at most 101
