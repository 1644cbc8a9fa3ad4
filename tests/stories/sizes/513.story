A reply of 513 bytes is one too many for a client without EDNS
servers a

c1 asks www.example. A
a hears www.example. A
a replies padded to 513
c1 gets NOERROR truncated
