A failed send keeps its place until the attempt's time is over
servers a b
a is unreachable

c1 asks www.example. A
b hears www.example. A
a has 1 outstanding
b replies
c1 gets NOERROR from b
at 749
a has 1 outstanding
at 750
a has 0 outstanding
