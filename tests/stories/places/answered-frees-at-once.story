An answered query frees its place at once
server a max_outstanding = 1;

c1 asks one.example. A
a hears one.example. A
after 1
a replies NXDOMAIN
c1 gets NXDOMAIN from a
a has 0 outstanding
c1 asks two.example. A
a hears two.example. A
a replies
c1 gets NOERROR from a
