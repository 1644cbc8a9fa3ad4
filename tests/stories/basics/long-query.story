A query of 4096 bytes passes whole
servers a

c1 asks www.example. A padded to 4096
a hears www.example. A of 4096 bytes
a replies
c1 gets NOERROR from a
