ICMP from a server's host takes it down as soon as a probe confirms it
servers a b
a is closed

c1 asks www.example. A
b hears www.example. A
b replies
c1 gets NOERROR from b
logged: server a is suspect: a query found it unreachable
server a is down
