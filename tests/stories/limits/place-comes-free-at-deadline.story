The place of a query without a reply comes free at its deadline
server a max_outstanding = 1;
attempts = 1;

c1 asks one.example. A
a hears one.example. A
after 2999
c1 asks two.example. A
counter shed_limit is 1
at 3000 c1 gets SERVFAIL from us
c1 asks three.example. A
a hears three.example. A
a replies to three.example. A
c1 gets NOERROR from a
