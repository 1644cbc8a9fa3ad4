A story that does not say what a server hears is wrong when time moves on
# diverges at line 6: a hears www.example. A
servers a

c1 asks www.example. A
after 1
