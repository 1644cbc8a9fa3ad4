A server at max_outstanding gets no more
server a max_outstanding = 2;
server b max_outstanding = 1;

c1 asks one.example. A
c1 asks two.example. A
a hears 2 queries
c1 asks three.example. A
b hears three.example. A
c1 asks four.example. A
nobody hears anything
nobody gets anything
counter shed_limit is 1
