A client gets what it announced
servers a

c1 asks www.example. A with EDNS 900
a hears www.example. A
a replies padded to 900
c1 gets NOERROR whole, of 900 bytes
c1 asks two.example. A with EDNS 900
a hears two.example. A
a replies padded to 901
c1 gets NOERROR truncated, with OPT
