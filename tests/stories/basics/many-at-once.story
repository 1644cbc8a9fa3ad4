Fifty queries at once are fifty queries, and each gets its own answer
servers a
everyone answers after 1

the crowd asks 50 times n*.example. A
50 queries are pending
after 1
the crowd always got NOERROR
counter attempts is 50
0 queries are pending
