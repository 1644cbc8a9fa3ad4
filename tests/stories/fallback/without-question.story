A SERVFAIL without its question is kept like another, and leaves with the client's
servers a b
attempts = 2;

c1 asks wWw.example. A
a hears www.example. A
a replies SERVFAIL without question
b hears www.example. A
at 750 c1 gets SERVFAIL for wWw.example. A
counter fallbacks is 1
