With eject.consecutive_timeouts = 0 silence makes no suspect
servers a b
eject = { consecutive_timeouts = 0; };
b answers
a is silent to queries

the crowd asks 50 times n*.example. A
after 10 s
server a is up
nothing is logged
