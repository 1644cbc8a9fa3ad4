A reply that the server truncated passes truncated
servers a b

c1 asks www.example. TXT
a hears www.example. TXT
a replies with 0 answers, truncated
c1 gets NOERROR truncated
nobody hears anything
