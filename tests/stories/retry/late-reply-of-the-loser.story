The reply of the attempt that lost is swallowed and counted as late
servers a b

c1 asks www.example. A
a hears www.example. A
at 750 b hears www.example. A
after 5
b replies
c1 gets NOERROR from b
after 5
a replies
nobody gets anything
counter answered_server is 1
