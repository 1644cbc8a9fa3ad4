The first attempt stays matched while the second runs
servers a b

c1 asks www.example. A
a hears www.example. A
at 750 b hears www.example. A
after 5
a replies
c1 gets NOERROR from a
after 5
b replies
nobody gets anything
counter answered_server is 1
