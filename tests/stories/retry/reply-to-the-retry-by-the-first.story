The reply to the retry's ID from the first server is a forgery
servers a b

c1 asks www.example. A
a hears www.example. A
at 750 b hears www.example. A
b replies from the address of a
nobody gets anything
counter replies_wrong_peer is 1
b replies
c1 gets NOERROR from b
