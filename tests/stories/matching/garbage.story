Garbage under the right ID is ignored, and the wait goes on
servers a

c1 asks www.example. A
a hears www.example. A
a replies with garbage
nobody gets anything
counter replies_malformed is 1
a replies
c1 gets NOERROR from a
