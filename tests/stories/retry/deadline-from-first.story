A retry does not move the deadline
servers a b c
attempts = 2;
deadline_ms = 1000;
attempt_timeout_ms = 750;

c1 asks www.example. A having waited 100
a hears www.example. A
at 750 someone hears www.example. A
at 900 c1 gets SERVFAIL from us
