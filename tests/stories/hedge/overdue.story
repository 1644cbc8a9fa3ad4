A hedge that stays silent too is followed by the third attempt
servers a b c
hedge = { percent = 2; };
everyone answers after 20

every 10 until 5000 the crowd asks n*.example. A
at 5000
everyone waits
c1 asks www.example. A
a hears www.example. A
within 25 someone hears www.example. A
within 751 another hears www.example. A
it replies
c1 gets NOERROR from it
