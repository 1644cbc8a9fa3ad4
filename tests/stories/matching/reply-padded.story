A reply may have bytes behind its last record
servers a

c1 asks www.example. A with EDNS 4096
a hears www.example. A
a replies padded to 700
c1 gets NOERROR from a, of 700 bytes
