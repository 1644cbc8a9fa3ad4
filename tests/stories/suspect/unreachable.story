A server that cannot be reached is suspect at once, and down as soon as a probe confirms it
servers a b
a is unreachable

c1 asks www.example. A
b hears www.example. A
b replies
c1 gets NOERROR from b
logged: server a is suspect: a query found it unreachable
logged: server a (198.51.100.1:53) is down: a query found it unreachable; confirmed: it is unreachable
server a is down
a is reachable
within 1500 server a is up
