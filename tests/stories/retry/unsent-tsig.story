A signed query that could not be sent is sent elsewhere, for nobody has it
servers a b
a is unreachable

c1 asks www.example. A with TSIG
b hears www.example. A with TSIG
b replies SERVFAIL with TSIG
c1 gets SERVFAIL from b
