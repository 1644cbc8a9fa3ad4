Asked again in another spelling, it is the same query, answered in the first spelling
servers a

c1 asks www.example. A with ID 7
a hears www.example. A
c1 asks WWW.example. A with ID 7
nobody hears anything
counter merged is 1
a replies
c1 gets NOERROR for www.example. A
