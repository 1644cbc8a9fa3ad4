With budget_percent = 0 ten retries a second are saved all the same
servers a b
retry = { budget_percent = 0; };
about broken.test. everyone answers SERVFAIL

the crowd asks 110 times www.n*.broken.test. A
counter retries is 100
after 1000
the crowd asks 20 times www.n*.broken.test. A
counter retries is at least 109
counter retries is at most 111
