A place comes free with the answer
server a max_outstanding = 1;

c1 asks one.example. A
a hears one.example. A
a replies
c1 gets NOERROR from a
c1 asks two.example. A
a hears two.example. A
a replies
c1 gets NOERROR from a
counter shed_limit is 0
