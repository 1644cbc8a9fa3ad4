A signed query is not hedged
servers a b
hedge = { percent = 2; };
everyone answers after 20

every 10 until 5000 the crowd asks n*.example. A
at 5000
a waits to queries
c1 asks www.example. A with TSIG
a hears www.example. A
after 700
nobody hears anything
