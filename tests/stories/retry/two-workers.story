Each worker retries what it has
servers a b
workers = 2;

c1 asks one.example. A
a hears one.example. A at worker 1
c2 asks two.example. A at worker 2
a hears two.example. A at worker 2
at 750 b hears one.example. A at worker 1
b hears two.example. A at worker 2
b replies to one.example. A
b replies to two.example. A
c1 gets NOERROR from b, at worker 1
c2 gets NOERROR from b, at worker 2
