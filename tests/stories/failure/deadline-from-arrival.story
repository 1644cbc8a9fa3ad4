The deadline counts from the arrival, not from when a worker takes the query
servers a
attempts = 1;

c1 asks www.example. A having waited 1 s
a hears www.example. A
at 2000 c1 gets SERVFAIL from us
