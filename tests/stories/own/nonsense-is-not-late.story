What is answered by us is answered however long it waited
servers a

c1 asks www.example. A with opcode 2, having waited 9 s
c1 gets NOTIMP from us
counter shed_delay is 0
