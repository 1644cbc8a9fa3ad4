Only NOERROR and NXDOMAIN better a SERVFAIL: other answers blame nobody
servers a b

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
b hears www.example. A
b replies NOTIMP
c1 gets NOTIMP from b
counter replies_bettered is 0
server a is not suspect
c2 asks www.example. A
a hears www.example. A
a replies SERVFAIL
b hears www.example. A
b replies FORMERR
c2 gets FORMERR from b
counter replies_bettered is 0
c3 asks www.example. A
a hears www.example. A
a replies SERVFAIL
b hears www.example. A
b replies NXDOMAIN
c3 gets NXDOMAIN from b
counter replies_bettered is 1
server a is suspect
