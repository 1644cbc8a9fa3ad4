A client hurries one retry of its query, and no second one
servers a b c

at 0 c1 asks www.example. A
a hears www.example. A
at 400 c1 asks again
b hears www.example. A
at 800 c1 asks again
c hears nothing
at 1150 c hears www.example. A
c replies
c1 gets NOERROR from c
