A query is asked and its answer delivered
servers a

c1 asks www.example. A
a hears www.example. A with another ID
after 2
nobody gets anything
a has 1 outstanding
a replies
c1 gets NOERROR from a for www.example. A with 1 answers
a has 0 outstanding
counter answered_server is 1
counter attempts is 1
counter queries of a is 1
counter replies of a is 1
counter latency_us of a is 2000
