The attempt timeout is the one that is configured
servers a b
attempt_timeout_ms = 100;

c1 asks www.example. A
a hears www.example. A
at 100 b hears www.example. A
b replies
c1 gets NOERROR from b
