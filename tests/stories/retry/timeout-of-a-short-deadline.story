With a short deadline the attempt timeout is a share of it, unless it is written
servers a b c
deadline_ms = 900;

c1 asks www.example. A
a hears www.example. A
at 300 someone hears www.example. A
at 600 another hears www.example. A
at 900 c1 gets SERVFAIL from us
