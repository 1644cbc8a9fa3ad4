When nobody is up there are no hedges
servers a b
hedge = { percent = 2; };
health = { fall = 1; };
everyone answers after 20

every 10 until 5000 the crowd asks n*.example. A
at 5000
a is silent to probes
b is silent to probes
within 2300 server a is down
within 500 server b is down
hedges are sent after 0
