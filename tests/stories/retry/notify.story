A NOTIFY is asked once, whatever becomes of it
servers a b

c1 notifies example.
a hears example. SOA
a replies REFUSED
c1 gets REFUSED from a
c2 notifies example.
a hears example. SOA
at 3000 c2 gets SERVFAIL from us
counter attempts is 2
