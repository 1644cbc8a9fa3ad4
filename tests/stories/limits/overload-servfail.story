With on_overload = "servfail" what is too much gets SERVFAIL, and EDE 0 says why
server a max_outstanding = 1;
on_overload = "servfail";

c1 asks one.example. A
a hears one.example. A
c2 asks two.example. A with EDNS 1232
c2 gets SERVFAIL from us, with EDE 0
counter shed_limit is 1
counter shed_answered is 1
