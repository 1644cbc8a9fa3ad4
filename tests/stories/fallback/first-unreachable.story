An unreachable server and a SERVFAIL: the SERVFAIL is the answer
servers a b
attempts = 2;
a is unreachable

c1 asks www.example. A
b hears www.example. A
b replies SERVFAIL
c1 gets SERVFAIL from b
