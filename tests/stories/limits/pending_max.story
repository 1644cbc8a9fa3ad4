No more than pending_max queries are in flight
servers a
pending_max = 64;
on_overload = "refused";

the crowd asks 65 times n*.example. A
64 queries are pending
a has 64 outstanding
the crowd got REFUSED 1 times
counter shed_limit is 1
