A story that does not say what a client gets is wrong when time moves on
# diverges at line 8: c1 gets NOERROR from a
servers a

c1 asks www.example. A
a hears www.example. A
a replies
after 1
