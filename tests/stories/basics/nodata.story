A NOERROR without an answer is an answer
servers a b

c1 asks www.example. AAAA
a hears www.example. AAAA
a replies with 0 answers
c1 gets NOERROR from a, with 0 answers
nobody hears anything
