A reply of 512 bytes is whole for a client without EDNS
servers a

c1 asks www.example. A
a hears www.example. A
a replies padded to 512
c1 gets NOERROR whole, of 512 bytes
counter truncated is 0
