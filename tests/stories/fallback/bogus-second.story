A DNSSEC-bogus SERVFAIL of the second ends the query
servers a b c

c1 asks www.example. A with EDNS 1232
a hears www.example. A
a replies REFUSED
someone hears www.example. A
it replies SERVFAIL with EDE 7
nobody hears anything
c1 gets SERVFAIL from it, with EDE 7
