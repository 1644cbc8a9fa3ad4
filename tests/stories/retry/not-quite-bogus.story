EDE 5 and EDE 13 are no DNSSEC errors: asked again
servers a b

c1 asks one.example. A with EDNS 1232
a hears one.example. A
a replies SERVFAIL with EDE 5
b hears one.example. A
b replies
c1 gets NOERROR from b
c1 asks two.example. A with EDNS 1232
a hears two.example. A
a replies SERVFAIL with EDE 13
b hears two.example. A
b replies
c1 gets NOERROR from b
