EDNS passes both ways
servers a

c1 asks www.example. A with EDNS 1232, with DO
a hears www.example. A with OPT, of 40 bytes
a replies
c1 gets NOERROR from a, with OPT
