A reply a moment before the deadline is delivered
servers a
attempts = 1;

c1 asks www.example. A
a hears www.example. A
at 2999.9
a replies
c1 gets NOERROR from a
