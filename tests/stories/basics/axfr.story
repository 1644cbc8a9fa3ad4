A zone transfer asked over UDP is forwarded as it is
servers a

c1 asks example. TYPE252
a hears example. AXFR
a replies REFUSED
c1 gets REFUSED from a
