An NXDOMAIN is an answer like any other
servers a b

c1 asks nowhere.example. A
a hears nowhere.example. A
a replies NXDOMAIN
c1 gets NXDOMAIN from a
nobody hears anything
