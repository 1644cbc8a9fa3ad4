Before the first probe has come back servers are asked all the same
cold start
servers a
a answers after 10

c1 asks www.example. A
server a is unknown
after 10
c1 gets NOERROR from a
