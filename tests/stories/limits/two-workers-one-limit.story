A server's limit is that of all workers together
server a max_outstanding = 3;
workers = 2;

c1 asks one.example. A
c1 asks two.example. A at worker 2
c1 asks three.example. A
a hears 3 queries
c1 asks four.example. A at worker 2
nobody hears anything
counter shed_limit is 1
