A draining server is asked before the query fails
server a
server b state = "drain";

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
b hears www.example. A
b replies
c1 gets NOERROR from b
