When all others are down a draining server is asked
server a state = "drain";
server b
b answers SERVFAIL to probes

within 4600 server b is down
c1 asks www.example. A
a hears www.example. A
a replies
c1 gets NOERROR from a
