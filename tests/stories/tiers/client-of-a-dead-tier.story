A query whose tier dies while it waits is answered by the next
server a tier = 0;
server b tier = 0;
server c tier = 2;
a is silent
b is silent

c1 asks www.example. A
after 1500
c hears www.example. A
c replies
c1 gets NOERROR from c
