No retry is made at or after the deadline
servers a b c
deadline_ms = 1500;
attempt_timeout_ms = 750;

c1 asks www.example. A
a hears www.example. A
at 750 someone hears www.example. A
at 1500 c1 gets SERVFAIL from us
nobody hears anything
counter attempts is 2
