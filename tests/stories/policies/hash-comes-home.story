With policy hash a name comes home after a failure
servers a b c
policy = "hash";
health = { fall = 1; };

c1 asks www.example. A
someone hears www.example. A
it replies
c1 gets NOERROR from it
it answers SERVFAIL to probes
within 1200 server it is down
c1 asks www.example. A
another hears www.example. A
it replies
c1 gets NOERROR from it
other answers to probes
within 1500 server other is up
c1 asks www.example. A
other hears www.example. A
other replies
c1 gets NOERROR from other
