pending_max is that of all workers together
servers a
workers = 2;
pending_max = 64;

the crowd asks 100 times n*.example. A
64 queries are pending
counter shed_limit is 36
