A REFUSED is asked again elsewhere at once
servers a b

c1 asks www.example. A
a hears www.example. A
a replies REFUSED
b hears www.example. A
b replies NXDOMAIN
c1 gets NXDOMAIN from b
counter refused of a is 1
counter replies_bettered is 1
