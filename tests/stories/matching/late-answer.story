A reply after the deadline reaches nobody
servers a
attempts = 1;

c1 asks www.example. A
a hears www.example. A
at 3000 c1 gets SERVFAIL from us
after 1
a replies
nobody gets anything
