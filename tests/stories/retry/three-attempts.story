There are three attempts by default, each elsewhere
servers a b c d

c1 asks www.example. A
a hears www.example. A
at 750 someone hears www.example. A
at 1500 another hears www.example. A
after 1499
nobody hears anything
at 3000 c1 gets SERVFAIL from us
counter attempts is 3
counter retries is 2
counter answered_deadline is 1
counter attempt_timeouts is 3
