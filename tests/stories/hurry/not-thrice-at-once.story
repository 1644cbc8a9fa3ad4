A storm of retransmissions makes one retry
servers a b c

c1 asks www.example. A
a hears www.example. A
at 400
c1 asks again
someone hears www.example. A
c1 asks again
c1 asks again
c1 asks again
nobody hears anything
counter merged is 4
counter attempts is 2
it replies
c1 gets NOERROR from it
