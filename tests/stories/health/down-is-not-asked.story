A server that is down is not asked
servers a b
a is silent to probes

within 4600 server a is down
c1 asks www.example. A
b hears www.example. A
b replies
c1 gets NOERROR from b
