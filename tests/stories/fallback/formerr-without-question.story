A FORMERR without its question counts only as the fallback
servers a b
attempts = 2;

c1 asks www.example. A
a hears www.example. A
a replies FORMERR without question
b hears www.example. A
b replies
c1 gets NOERROR from b
