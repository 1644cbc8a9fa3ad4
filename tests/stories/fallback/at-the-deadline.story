At the deadline the fallback goes out, not a SERVFAIL of ours
servers a b c
deadline_ms = 1000;
attempt_timeout_ms = 750;

c1 asks www.example. A
a hears www.example. A
at 750 someone hears www.example. A
at 900
it replies REFUSED
another hears www.example. A
at 1000 c1 gets REFUSED
counter fallbacks is 1
counter answered_deadline is 0
