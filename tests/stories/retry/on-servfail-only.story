With retry.on = "servfail" a REFUSED is delivered, and silence waits for the deadline
servers a b
retry = { on = "servfail"; };

c1 asks one.example. A
a hears one.example. A
a replies REFUSED
c1 gets REFUSED from a
c1 asks two.example. A
a hears two.example. A
a replies SERVFAIL
b hears two.example. A
b replies
c1 gets NOERROR from b
c1 asks three.example. A
a hears three.example. A
at 3000 c1 gets SERVFAIL from us
