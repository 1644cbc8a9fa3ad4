With retry.on = "refused" a SERVFAIL is delivered
servers a b
retry = { on = "refused"; };

c1 asks one.example. A
a hears one.example. A
a replies SERVFAIL
c1 gets SERVFAIL from a
c1 asks two.example. A
a hears two.example. A
a replies REFUSED
b hears two.example. A
b replies
c1 gets NOERROR from b
