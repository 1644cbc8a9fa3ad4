An UPDATE is no retransmission of a query with the same ID and question
servers a

c1 asks example. SOA with ID 7
a hears example. SOA
c1 updates example. with ID 7
a hears example. SOA
counter merged is 0
a replies
a replies
c1 gets NOERROR
c1 gets NOERROR
