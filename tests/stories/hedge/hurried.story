A hedged query that is hurried has three attempts, and one answer
servers a b c
hedge = { percent = 2; };
everyone answers after 20

every 10 until 5000 the crowd asks n*.example. A
at 5000
a waits to queries
b waits to queries
c waits to queries
c1 asks www.example. A
a hears www.example. A
within 25 someone hears www.example. A
after 400
c1 asks again
another hears www.example. A
it replies
c1 gets NOERROR from it
counter attempts is at least 3
