What is answered by us needs no server that is up
servers a
server b state = "down";

mark a down
c1 asks www.example. A with opcode 2
c1 gets NOTIMP from us
