When no server is up, those that are not forced down are asked all the same
server a state = "down";
server b
server c

mark b down
mark c down
c1 asks www.example. A
b hears www.example. A
b replies
c1 gets NOERROR from b
