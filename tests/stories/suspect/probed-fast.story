After a confirming probe was answered the suspect is not told of again for a while
servers a b
b answers
a is silent to queries

the crowd asks 5 times n*.example. A
at 750 logged: server a is suspect: 5 queries without a reply
logged: server a is no longer suspect
the crowd asks 5 times n*.example. A
at 1500 logged: server a is suspect
server a is up
