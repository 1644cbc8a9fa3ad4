Two SERVFAILs of two servers are the answer, at once
servers a b

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
b hears www.example. A
b replies SERVFAIL
c1 gets SERVFAIL
nobody hears anything
counter answered_server is 1
counter fallbacks is 1
