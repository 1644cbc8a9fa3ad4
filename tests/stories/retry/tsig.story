A signed query is asked once, whatever becomes of it
servers a b

c1 asks one.example. A with TSIG
a hears one.example. A with TSIG
a replies SERVFAIL with TSIG
c1 gets SERVFAIL from a
c2 asks two.example. A with TSIG
a hears two.example. A with TSIG
at 3000 c2 gets SERVFAIL from us
counter attempts is 2
