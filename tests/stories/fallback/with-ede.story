The EDE of a fallback reaches the client
servers a b
attempts = 2;

c1 asks www.example. A with EDNS 1232
a hears www.example. A
a replies SERVFAIL with EDE 22
b hears www.example. A
at 750 c1 gets SERVFAIL from a, with EDE 22
