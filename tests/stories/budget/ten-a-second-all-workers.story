The ten retries a second are those of all workers together
servers a b
workers = 2;
retry = { budget_percent = 0; };
about broken.test. everyone answers SERVFAIL

the crowd asks 400 times n*.broken.test. A
counter retries is at most 200
count anew
after 1000
the crowd asks 100 times n*.broken.test. A
counter retries is at most 212
