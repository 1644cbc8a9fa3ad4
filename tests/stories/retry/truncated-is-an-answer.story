A truncated reply is an answer
servers a b

c1 asks www.example. A
a hears www.example. A
a replies with 0 answers, truncated
c1 gets NOERROR truncated
nobody hears anything
