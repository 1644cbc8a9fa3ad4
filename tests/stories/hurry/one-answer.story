Asked again and again, a client gets one answer
servers a b

c1 asks www.example. A
a hears www.example. A
at 200
c1 asks again
at 500
c1 asks again
b hears www.example. A
at 600
c1 asks again
b replies
c1 gets NOERROR from b
a replies
nobody gets anything
counter merged is 3
counter answered_server is 1
