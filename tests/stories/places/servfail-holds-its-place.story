A retried SERVFAIL keeps its place at the server until the attempt's time is over
servers a b
a waits

c1 asks www.example. A
a hears www.example. A
after 10
a replies SERVFAIL
a has 1 outstanding
b hears www.example. A
after 5
b replies
c1 gets NOERROR from b
a has 1 outstanding
b has 0 outstanding
at 749
a has 1 outstanding
at 750
a has 0 outstanding
