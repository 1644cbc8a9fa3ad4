A FORMERR of ours speaks EDNS where the client did
servers a

c1 asks www.example. A with 2 questions, with EDNS 1232
c1 gets FORMERR from us
