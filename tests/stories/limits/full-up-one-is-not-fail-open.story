When the only server that is up is full, those that are down are not asked for it
server a max_outstanding = 1;
server b
on_overload = "refused";

mark b down
c1 asks one.example. A
a hears one.example. A
c1 asks two.example. A
c1 gets REFUSED from us
nobody hears anything
