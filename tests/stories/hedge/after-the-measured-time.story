With hedge.percent a second attempt is sent after the time that all but so many took
servers a b
hedge = { percent = 2; };
everyone answers after 20

every 10 until 5000 the crowd asks n*.example. A
at 5000
counter hedges is 0
a waits to queries
b waits to queries
c1 asks www.example. A
a hears www.example. A
after 17
nobody hears anything
within 8 b hears www.example. A
counter hedges is 1
counter retries is 0
b replies
c1 gets NOERROR from b
counter hedges_won is 1
