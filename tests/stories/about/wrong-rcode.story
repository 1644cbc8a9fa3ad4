Another answer than was told is shown
# diverges at line 8: c1 gets NXDOMAIN from a
servers a

c1 asks www.example. A
a hears www.example. A
a replies NXDOMAIN
c1 gets NOERROR
