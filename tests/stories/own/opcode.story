An opcode that is not forwarded gets NOTIMP with the question
servers a

c1 asks www.example. A with opcode 2
c1 gets NOTIMP from us, for www.example. A
c1 asks www.example. A with opcode 6
c1 gets NOTIMP from us
nobody hears anything
counter answered_notimp is 2
