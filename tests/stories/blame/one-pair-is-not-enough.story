Five in a row of one client about one name eject nobody, if probes are good
servers a b
a answers SERVFAIL to queries
b answers to queries

c1 asks www.example. A
c1 gets NOERROR from b
c1 asks www.example. A
c1 gets NOERROR from b
c1 asks www.example. A
c1 gets NOERROR from b
c1 asks www.example. A
c1 gets NOERROR from b
c1 asks www.example. A
c1 gets NOERROR from b
c1 asks www.example. A
c1 gets NOERROR from b
server a is up
