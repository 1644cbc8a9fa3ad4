Where the client speaks EDNS, EDE 22 says why
servers a
attempts = 1;

c1 asks www.example. A with EDNS 1232
a hears www.example. A
at 3000 c1 gets SERVFAIL from us, with EDE 22
