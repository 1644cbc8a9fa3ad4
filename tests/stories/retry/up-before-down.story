A retry goes to one that is up before one that is down
servers a b c

mark b down
c1 asks www.example. A
a hears www.example. A
at 750 c hears www.example. A
c replies
c1 gets NOERROR from c
