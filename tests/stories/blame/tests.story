An ejected server gets one test query a second, and its client an answer all the same
servers a b
eject = { base_ms = 10000; };
a answers SERVFAIL to queries
b answers to queries

the crowd asks 5 times n*.example. A
after 1
server a is ejected
count anew
every 10 until 5001 the crowd asks m*.example. A
at 5100
a has heard at least 4 queries
a has heard at most 5 queries
counter tests is at least 4
the crowd always got NOERROR
