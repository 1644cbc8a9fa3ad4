The reply to an UPDATE may leave its question out
servers a

c1 updates example.
a hears example. SOA
a replies without question
c1 gets NOERROR for example. SOA
