A query without question and without EDNS gets FORMERR
servers a

c1 asks . NS with 0 questions
c1 gets FORMERR from us, without question
nobody hears anything
counter answered_formerr is 1
