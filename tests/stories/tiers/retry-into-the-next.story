When the whole tier has been asked a retry goes to the next
server a tier = 0;
server b tier = 1;

c1 asks www.example. A
a hears www.example. A
at 750 b hears www.example. A
b replies
c1 gets NOERROR from b
