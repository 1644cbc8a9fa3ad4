With every server forced down there is nobody to ask
server a state = "down";
server b state = "down";

c1 asks www.example. A with EDNS 1232
c1 gets SERVFAIL from us, with EDE 22
nobody hears anything
counter answered_no_server is 1
