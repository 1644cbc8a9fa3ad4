Two questions get FORMERR with the first
servers a

c1 asks www.example. A with 2 questions
c1 gets FORMERR from us, for www.example. A
nobody hears anything
