A retry goes to the same tier before the next
server a tier = 0;
server b tier = 1;
server c tier = 0;

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
c hears www.example. A
c replies SERVFAIL
b hears www.example. A
b replies
c1 gets NOERROR from b
