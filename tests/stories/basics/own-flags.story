A client gets its own RD and CD back, whatever the server makes of them
servers a

c1 asks one.example. A with CD
a hears one.example. A with RD, with CD
a replies with other RD, with other CD
c1 gets NOERROR with RD, with CD

c1 asks two.example. A without RD
a hears two.example. A without RD, without CD
a replies with other RD, with other CD
c1 gets NOERROR without RD, without CD
