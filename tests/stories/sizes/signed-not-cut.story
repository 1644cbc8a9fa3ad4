A signed reply is not held to udp_reply_max, for cut it would be worth nothing
servers a

c1 asks www.example. A with EDNS 4096, with TSIG
a hears www.example. A
a replies with 90 answers, with TSIG
c1 gets NOERROR whole, with TSIG
