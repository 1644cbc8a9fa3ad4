A retry leaves the question, and the outstanding counts, in order
servers a b

c1 asks www.example. A
a hears www.example. A
a has 1 outstanding
b has 0 outstanding
at 750 b hears www.example. A
b has 1 outstanding
1 queries are pending
b replies
c1 gets NOERROR from b for www.example. A
after 750
a has 0 outstanding
b has 0 outstanding
0 queries are pending
