A SERVFAIL is asked again elsewhere at once, and the client hears only the good answer
servers a b

c1 asks www.example. A
a hears www.example. A
after 3
a replies SERVFAIL
b hears www.example. A
nobody gets anything
after 3
b replies
c1 gets NOERROR from b
counter retries is 1
counter servfail of a is 1
counter replies_bettered is 1
counter fallbacks is 0
