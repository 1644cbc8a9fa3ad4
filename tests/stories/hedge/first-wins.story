The first attempt may still win against its hedge
servers a b
hedge = { percent = 2; };
everyone answers after 20

every 10 until 5000 the crowd asks n*.example. A
at 5000
a waits to queries
b waits to queries
c1 asks www.example. A
a hears www.example. A
within 25 b hears www.example. A
a replies
c1 gets NOERROR from a
b replies
nobody gets anything
counter hedges is 1
counter hedges_won is 0
