An UPDATE is not hedged
servers a b
hedge = { percent = 2; };
everyone answers after 20

every 10 until 5000 the crowd asks n*.example. A
at 5000
a waits to queries
c1 updates example.
a hears example. SOA
after 700
nobody hears anything
counter hedges is 0
