A client whose query failed may ask again at once
servers a
attempts = 1;

c1 asks www.example. A
a hears www.example. A
at 3000 c1 gets SERVFAIL from us
c1 asks again
a hears www.example. A
a replies to the last
c1 gets NOERROR from a
