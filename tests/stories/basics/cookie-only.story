A query without question but with EDNS is forwarded
servers a

c1 asks . NS with 0 questions, with EDNS 1232
a hears a query without question
a replies
c1 gets NOERROR without question
