A silent attempt gives its place back when its time is over, while its query waits on
server a max_outstanding = 1;
server b

c1 asks one.example. A
a hears one.example. A
a has 1 outstanding
at 750 b hears one.example. A
a has 0 outstanding
c2 asks two.example. A
a hears two.example. A
a replies to two.example. A
c2 gets NOERROR from a
a replies to one.example. A
c1 gets NOERROR from a
