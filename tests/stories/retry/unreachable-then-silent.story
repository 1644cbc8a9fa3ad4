A retry that stays silent is retried in turn
servers a b c
a is unreachable

c1 asks www.example. A
someone hears www.example. A
at 750 another hears www.example. A
it replies
c1 gets NOERROR from it
counter retries is 2
