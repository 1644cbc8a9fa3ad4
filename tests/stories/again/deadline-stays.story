Asking again does not move the deadline
servers a
attempts = 1;

c1 asks www.example. A
a hears www.example. A
after 100
c1 asks again
after 200
c1 asks again
at 3000 c1 gets SERVFAIL from us
nobody gets anything
