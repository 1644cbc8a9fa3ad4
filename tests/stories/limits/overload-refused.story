With on_overload = "refused" what is too much gets REFUSED
server a max_outstanding = 1;
on_overload = "refused";

c1 asks one.example. A
a hears one.example. A
c2 asks two.example. A
c2 gets REFUSED from us, without OPT
counter shed_limit is 1
counter shed_answered is 1
