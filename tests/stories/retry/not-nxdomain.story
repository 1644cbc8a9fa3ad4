NXDOMAIN, FORMERR and NOTIMP are answers, and not asked again
servers a b

c1 asks one.example. A
a hears one.example. A
a replies NXDOMAIN
c1 gets NXDOMAIN from a
c1 asks two.example. A
a hears two.example. A
a replies FORMERR
c1 gets FORMERR from a
c1 asks three.example. A
a hears three.example. A
a replies NOTIMP
c1 gets NOTIMP from a
nobody hears anything
counter retries is 0
