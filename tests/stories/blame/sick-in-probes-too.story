A bettered SERVFAIL makes a suspect, and a SERVFAIL to the confirming probe takes it down at once
servers a b
a answers SERVFAIL
b answers

c1 asks www.example. A
c1 gets NOERROR from b
logged: server a is suspect: a SERVFAIL or REFUSED that another server bettered
logged: server a (198.51.100.1:53) is down: a SERVFAIL or REFUSED that another server bettered; confirmed: it answers ". NS" with SERVFAIL
server a is down
