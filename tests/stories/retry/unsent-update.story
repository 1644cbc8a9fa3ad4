An UPDATE that could not be sent is sent elsewhere, for nobody has it
servers a b
a is unreachable

c1 updates example.
b hears example. SOA
b replies
c1 gets NOERROR from b
