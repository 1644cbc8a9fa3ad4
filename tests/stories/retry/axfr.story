A zone transfer is asked once
servers a b

c1 asks example. AXFR
a hears example. AXFR
a replies REFUSED
c1 gets REFUSED from a
c1 asks example. IXFR
a hears example. IXFR
at 3000 c1 gets SERVFAIL from us
counter attempts is 2
