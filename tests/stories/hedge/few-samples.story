Fewer than 200 replies in ten seconds are too few to hedge
servers a b
hedge = { percent = 2; };
everyone answers after 20

every 100 until 10 s the crowd asks n*.example. A
at 10 s
hedges are sent after 0
a waits to queries
c1 asks www.example. A
a hears www.example. A
after 700
nobody hears anything
