A fallback has the client's spelling and flags as any answer
servers a b
attempts = 2;

c1 asks wWw.example. A with CD
a hears www.example. A
a replies SERVFAIL with other CD, with other RD, in other case
b hears www.example. A
at 750 c1 gets SERVFAIL from a, for wWw.example. A with CD, with RD
