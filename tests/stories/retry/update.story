An UPDATE is asked once, whatever becomes of it
servers a b

c1 updates example.
a hears example. SOA
a replies SERVFAIL
c1 gets SERVFAIL from a
c2 updates example.
a hears example. SOA
at 3000 c2 gets SERVFAIL from us
counter attempts is 2
