A reply over 512 bytes is truncated for a client without EDNS
servers a

c1 asks www.example. A
a hears www.example. A
a replies with 40 answers
c1 gets NOERROR truncated, with 0 answers, for www.example. A, of 29 bytes
counter truncated is 1
