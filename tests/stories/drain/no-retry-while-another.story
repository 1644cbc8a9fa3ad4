A retry goes to another that is up rather than to a draining one
server a
server b state = "drain";
server c

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
c hears www.example. A
c replies
c1 gets NOERROR from c
