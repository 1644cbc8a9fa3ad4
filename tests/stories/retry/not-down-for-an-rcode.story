A SERVFAIL is not asked again of a server that is down
servers a b
health = { mode = "off"; };

mark b down
c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
c1 gets SERVFAIL from a
nobody hears anything
