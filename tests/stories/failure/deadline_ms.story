The deadline is the one that is configured
servers a
attempts = 1;
deadline_ms = 1000;

c1 asks www.example. A
a hears www.example. A
at 1000 c1 gets SERVFAIL from us
