A reply to another name is ignored, and the wait goes on
servers a

c1 asks www.example. A
a hears www.example. A
a replies with wrong name
nobody gets anything
counter replies_wrong_question is 1
a replies
c1 gets NOERROR from a
