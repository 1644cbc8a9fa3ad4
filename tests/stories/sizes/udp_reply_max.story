No announcement goes beyond udp_reply_max
servers a
udp_reply_max = 1232;

c1 asks www.example. A with EDNS 4096
a hears www.example. A
a replies padded to 1232
c1 gets NOERROR whole, of 1232 bytes
c1 asks two.example. A with EDNS 4096
a hears two.example. A
a replies padded to 1233
c1 gets NOERROR truncated
