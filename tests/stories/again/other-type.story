The same ID with another type is another query
servers a

c1 asks www.example. A with ID 7
a hears www.example. A
c1 asks www.example. AAAA with ID 7
a hears www.example. AAAA
counter merged is 0
a replies NXDOMAIN to www.example. AAAA
c1 gets NXDOMAIN for www.example. AAAA
a replies to www.example. A
c1 gets NOERROR for www.example. A
