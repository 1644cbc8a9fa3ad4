A retry goes to a suspect last
servers a b c
b answers after 1 to probes
b is silent to queries
c answers after 1

mark a down
the crowd asks 5 times n*.example. A
mark a up
at 750
server b is suspect
c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
after 2
c1 gets NOERROR from c
