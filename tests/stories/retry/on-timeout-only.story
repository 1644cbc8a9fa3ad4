With retry.on = "timeout" a SERVFAIL is delivered as it is
servers a b
retry = { on = "timeout"; };

c1 asks one.example. A
a hears one.example. A
a replies SERVFAIL
c1 gets SERVFAIL from a
c1 asks two.example. A
a hears two.example. A
at 750 b hears two.example. A
b replies
c1 gets NOERROR from b
