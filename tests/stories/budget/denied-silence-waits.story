Where no retry is left the first attempt may answer until the deadline
servers a b c
retry = { budget_percent = 0; };
eject = { consecutive_timeouts = 0; };
health = { mode = "off"; };
about dead.test. everyone is silent

the crowd asks 400 times www.n*.dead.test. A
at 10
c1 asks www.example. A
a hears www.example. A
at 2500
a replies
c1 gets NOERROR from a
counter retries_denied is at least 200
