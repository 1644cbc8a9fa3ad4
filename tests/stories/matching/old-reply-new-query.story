The reply to an old query answers no new one with the same question
servers a

c1 asks www.example. A
a hears www.example. A
a replies
c1 gets NOERROR from a
c1 asks www.example. A
a hears www.example. A
a replies again to www.example. A
nobody gets anything
counter replies_unmatched is 1
a replies
c1 gets NOERROR from a
