A tier that is full spills into the next
server a tier = 0; max_outstanding = 1;
server b tier = 1;

c1 asks one.example. A
a hears one.example. A
c2 asks two.example. A
b hears two.example. A
b replies
c2 gets NOERROR from b
