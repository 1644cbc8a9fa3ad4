A single server is not asked twice for a hedge
servers a
hedge = { percent = 2; };
everyone answers after 20

every 10 until 5000 the crowd asks n*.example. A
at 5000
a waits to queries
c1 asks www.example. A
a hears www.example. A
after 700
nobody hears anything
counter hedges is 0
