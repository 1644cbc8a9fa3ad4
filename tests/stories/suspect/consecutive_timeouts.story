eject.consecutive_timeouts says how many
servers a b
eject = { consecutive_timeouts = 2; };
b answers
a is silent

the crowd asks 2 times n*.example. A
at 750 logged: server a is suspect: 2 queries without a reply
