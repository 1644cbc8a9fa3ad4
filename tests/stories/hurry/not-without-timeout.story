Where silence is no reason to retry, a retransmission asks nobody
servers a b
retry = { on = "servfail"; };

c1 asks www.example. A
a hears www.example. A
at 2000
c1 asks again
nobody hears anything
counter merged is 1
at 3000 c1 gets SERVFAIL from us
