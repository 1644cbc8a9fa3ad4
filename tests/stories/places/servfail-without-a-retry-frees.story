A failure that is not asked again elsewhere gives its place back at once
server a max_outstanding = 1;
a answers SERVFAIL to queries

c1 asks one.example. A
c1 gets SERVFAIL from a
a has 0 outstanding
c2 asks two.example. A
c2 gets SERVFAIL from a
