One reply in between, and the count of silence begins anew
servers a b
b answers
a is silent to queries

the crowd asks 4 times n*.example. A
at 760
a waits to queries
c1 asks www.example. A
a hears www.example. A
a replies
c1 gets NOERROR from a
a is silent to queries
the crowd asks 4 times n*.example. A
after 800
server a is not suspect
nothing is logged
