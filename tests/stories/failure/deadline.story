Silence ends in SERVFAIL at the deadline
servers a
attempts = 1;

c1 asks www.example. A
a hears www.example. A
after 2999
nobody gets anything
at 3000 c1 gets SERVFAIL from us, without OPT, for www.example. A
counter answered_deadline is 1
counter attempt_timeouts is 1
counter timeouts of a is 1
