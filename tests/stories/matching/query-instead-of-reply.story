A query from a server is no reply
servers a

c1 asks www.example. A
a hears www.example. A
a replies as a query
nobody gets anything
counter replies_malformed is 1
a replies
c1 gets NOERROR from a
