After all attempts met ICMP a late reply is not waited for
servers a
upstream_sockets = 1;
attempts = 1;

c1 asks one.example. A
a hears one.example. A
a is closed
c2 asks two.example. A with EDNS 1232
c1 gets SERVFAIL from us
c2 gets SERVFAIL from us, with EDE 23
