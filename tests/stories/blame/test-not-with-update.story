An UPDATE is no test, for it cannot be asked again
servers a b
eject = { base_ms = 20000; };
a answers SERVFAIL to queries
b answers to queries

the crowd asks 5 times n*.example. A
at 1500
server a is ejected
count anew
c1 updates example.
c1 gets NOERROR from b
a has heard 0 queries
