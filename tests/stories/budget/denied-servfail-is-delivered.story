Where no retry is left a SERVFAIL is delivered at once
servers a b
retry = { budget_percent = 0; };
about broken.test. everyone answers SERVFAIL

the crowd asks 110 times www.n*.broken.test. A
c1 asks www.broken.test. A
c1 gets SERVFAIL from a
counter attempts is 211
counter fallbacks is 111
