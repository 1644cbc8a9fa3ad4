The second ejection is twice as long as the first
servers a b
a answers SERVFAIL to queries
b answers to queries

the crowd asks 5 times n*.example. A
after 1
server a is ejected
within 6100 server a is up
the crowd asks 5 times n*.example. A
after 1
server a is ejected
after 7900
server a is ejected
within 4200 server a is up
