Five SERVFAILs in a row that others bettered, for three names, eject without a probe
servers a b
a answers SERVFAIL to queries
b answers to queries

c1 asks one.example. A
c1 gets NOERROR from b
c1 asks two.example. A
c1 gets NOERROR from b
c1 asks three.example. A
c1 gets NOERROR from b
c1 asks four.example. A
c1 gets NOERROR from b
server a is up
c1 asks five.example. A
c1 gets NOERROR from b
server a is ejected
logged: server a (198.51.100.1:53) is ejected for
counter replies_bettered is 5
