A NOERROR without its question is ignored
servers a

c1 asks www.example. A
a hears www.example. A
a replies without question
nobody gets anything
counter replies_wrong_question is 1
