Two clients with the same question are two queries
servers a

c1 asks www.example. A
c2 asks www.example. A
a hears www.example. A
a hears www.example. A
a replies
a replies
c1 gets NOERROR from a
c2 gets NOERROR from a
counter merged is 0
