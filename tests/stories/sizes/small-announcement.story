An announcement below 512 counts as 512
servers a

c1 asks www.example. A with EDNS 100
a hears www.example. A
a replies padded to 512
c1 gets NOERROR whole, of 512 bytes
