Asked again after its answer, it is a new query
servers a

c1 asks www.example. A
a hears www.example. A
a replies
c1 gets NOERROR from a
c1 asks again
a hears www.example. A
a replies
c1 gets NOERROR from a
counter merged is 0
