A reply with another ID is ignored, and the wait goes on
servers a

c1 asks www.example. A
a hears www.example. A
a replies with wrong ID
nobody gets anything
counter replies_unmatched is 1
a replies
c1 gets NOERROR from a
