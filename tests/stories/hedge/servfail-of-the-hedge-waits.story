A SERVFAIL of a hedge waits for the first attempt
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
b replies SERVFAIL
nobody gets anything
after 5
a replies
c1 gets NOERROR from a
