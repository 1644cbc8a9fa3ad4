A forger who sends nothing but wrong replies ends no query
servers a
attempts = 1;

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL with wrong ID, twice
a replies REFUSED with wrong name, twice
a replies with wrong type, twice
a replies with garbage, twice
a replies NXDOMAIN from the address of a, with wrong ID
nobody gets anything
1 queries are pending
after 2999
a replies
c1 gets NOERROR from a
