Without probes silence ejects, for nothing can confirm it
servers a b
health = { mode = "off"; };
a is silent
b answers

the crowd asks 5 times n*.example. A
at 750 server a is ejected
within 6100 server a is up
