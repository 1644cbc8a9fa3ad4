A SERVFAIL with a DNSSEC error (EDE 6 to 12) is the answer, and not asked again
servers a b

c1 asks one.example. A with EDNS 1232
a hears one.example. A
a replies SERVFAIL with EDE 6
c1 gets SERVFAIL from a, with EDE 6
c1 asks two.example. A with EDNS 1232
a hears two.example. A
a replies SERVFAIL with EDE 9
c1 gets SERVFAIL from a, with EDE 9
c1 asks three.example. A with EDNS 1232
a hears three.example. A
a replies SERVFAIL with EDE 12
c1 gets SERVFAIL from a, with EDE 12
nobody hears anything
counter retries is 0
