Another client's query for the same does not hurry anybody
servers a b

c1 asks www.example. A
a hears www.example. A
at 400
c2 asks www.example. A
a hears www.example. A
nobody hears anything
a replies to the last
c2 gets NOERROR from a
at 750 b hears www.example. A
b replies
c1 gets NOERROR from b
