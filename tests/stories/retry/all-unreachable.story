When no server can be reached the client hears so at once
servers a b
a is unreachable
b is unreachable

c1 asks www.example. A with EDNS 1232
at 0 c1 gets SERVFAIL from us, with EDE 23
counter answered_unreachable is 1
