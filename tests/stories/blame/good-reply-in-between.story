One good reply in between, and the count of blame begins anew
servers a b
b answers to queries

c1 asks one.example. A
a hears one.example. A
a replies SERVFAIL
c1 gets NOERROR from b
c2 asks two.example. A
a hears two.example. A
a replies SERVFAIL
c2 gets NOERROR from b
c3 asks three.example. A
a hears three.example. A
a replies SERVFAIL
c3 gets NOERROR from b
c4 asks four.example. A
a hears four.example. A
a replies
c4 gets NOERROR from a
c5 asks five.example. A
a hears five.example. A
a replies SERVFAIL
c5 gets NOERROR from b
c6 asks six.example. A
a hears six.example. A
a replies SERVFAIL
c6 gets NOERROR from b
server a is up
