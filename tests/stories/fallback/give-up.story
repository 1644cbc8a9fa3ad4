What is given up with a fallback ends with the fallback
servers a b

c1 asks www.example. A
a hears www.example. A
a replies REFUSED
b hears www.example. A
everything is given up
c1 gets REFUSED from a
