Five queries without a reply make a suspect, and a failed confirming probe takes it down at once
servers a b
b answers after 1
a is silent

the crowd asks 5 times n*.example. A
at 750 logged: server a is suspect: 5 queries without a reply
server a is suspect
server a is up
after 749
server a is up
at 1500 logged: server a (198.51.100.1:53) is down: 5 queries without a reply; confirmed: no reply to ". NS" within 750 ms
server a is down
the crowd always got NOERROR
the crowd waited at most 752
