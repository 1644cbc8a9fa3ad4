A retry goes to the least loaded of those that were not asked
servers a b c

c1 asks one.example. A
a hears one.example. A
mark a down
c2 asks two.example. A
b hears two.example. A
mark a up
c3 asks three.example. A
a hears three.example. A
a replies SERVFAIL to three.example. A
c hears three.example. A
c replies
c3 gets NOERROR from c
b replies
c2 gets NOERROR from b
a replies to one.example. A
c1 gets NOERROR from a
