A suspect that answers its confirming probe stays up
servers a b
b answers after 1
a is silent to queries

the crowd asks 5 times n*.example. A
at 750 logged: server a is suspect
logged: server a is no longer suspect
server a is up
server a is suspect
after 200
server a is not suspect
server a is up
