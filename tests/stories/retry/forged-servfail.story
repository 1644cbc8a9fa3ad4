A forged SERVFAIL causes no retry
servers a b

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL with wrong ID
a replies REFUSED with wrong name
a replies SERVFAIL from the address of b
nobody hears anything
a replies
c1 gets NOERROR from a
counter retries is 0
