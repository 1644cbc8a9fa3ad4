The fallback is told of the server that said it, also when another has failed since
servers a b

c1 asks www.example. A
a hears www.example. A
at 400
c1 asks again
b hears www.example. A
b replies SERVFAIL
nobody gets anything
a replies REFUSED
c1 gets SERVFAIL from b
