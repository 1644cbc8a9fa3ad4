No more than eject.max_percent are ejected, but always one
servers a b c
policy = "round-robin";
a answers SERVFAIL to queries
b answers SERVFAIL to queries
c answers to queries

every 5 until 2000 the crowd asks n*.example. A
at 500
logged: is ejected for
logged: stays, for eject.max_percent allows no more ejections
at 2100
the crowd always got NOERROR
counter retries is at least 100
