A client without EDNS gets none, and its server sees none
servers a

c1 asks www.example. A
a hears www.example. A without OPT, of 29 bytes
a replies
c1 gets NOERROR from a, without OPT
