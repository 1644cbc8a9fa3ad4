REFUSED counts as SERVFAIL does
servers a b
a answers REFUSED to queries
b answers to queries

the crowd asks 5 times n*.example. A
after 1
server a is ejected
the crowd always got NOERROR
