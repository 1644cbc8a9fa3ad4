What a server says with AA and AD reaches the client
servers a

c1 asks www.example. A
a hears www.example. A
a replies with other AA, with other AD
c1 gets NOERROR with AA, with AD
