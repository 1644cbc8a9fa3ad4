Two replies in the other order reach the right clients
servers a

c1 asks one.example. A
c2 asks two.example. A
a hears one.example. A
a hears two.example. A
a replies NXDOMAIN to two.example. A
c2 gets NXDOMAIN for two.example. A
a replies to one.example. A
c1 gets NOERROR for one.example. A
