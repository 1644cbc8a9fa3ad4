With policy round-robin each has its turn
servers a b c
policy = "round-robin";
everyone answers after 1

the crowd asks 30 times n*.example. A
a has heard 10 queries
b has heard 10 queries
c has heard 10 queries
