A SERVFAIL is kept, and sent when the other one stays silent too long
servers a b
attempts = 2;

c1 asks www.example. A
a hears www.example. A
after 10
a replies SERVFAIL
b hears www.example. A
after 749
nobody gets anything
at 760 c1 gets SERVFAIL from a
counter fallbacks is 1
counter answered_server is 1
