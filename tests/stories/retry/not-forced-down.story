A retry never goes to a server that is forced down
server a
server b state = "down";

c1 asks one.example. A
a hears one.example. A
a replies SERVFAIL
c1 gets SERVFAIL from a
c1 asks two.example. A
a hears two.example. A
at 750 a hears two.example. A
a replies to the last
c1 gets NOERROR from a
