Four queries without a reply make no suspect
servers a b
b answers
a is silent

the crowd asks 4 times n*.example. A
at 800
server a is not suspect
nothing is logged
