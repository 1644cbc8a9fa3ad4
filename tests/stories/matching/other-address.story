A reply from another server's address is ignored, and the wait goes on
servers a b

c1 asks www.example. A
a hears www.example. A
a replies from the address of b
nobody gets anything
counter replies_wrong_peer is 1
a replies
c1 gets NOERROR from a
