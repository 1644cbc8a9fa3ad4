A silent attempt of an answered query keeps its place until its time is over
servers a b
attempt_timeout_ms = 1000;

c1 asks www.example. A
a hears www.example. A
after 600
c1 asks again
b hears www.example. A
b replies
c1 gets NOERROR from b
a has 1 outstanding
at 999
a has 1 outstanding
at 1000
a has 0 outstanding
