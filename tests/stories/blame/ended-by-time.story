Without queries to test it an ejection ends after its time
servers a b
a answers SERVFAIL to queries
b answers to queries

the crowd asks 5 times n*.example. A
after 1
server a is ejected
at 3990
server a is ejected
within 2100 logged: server a (198.51.100.1:53) is up: its ejection is over
