A story that says another server hears it is wrong
# diverges at line 6: at 0 ms a hears www.example. A
servers a b

c1 asks www.example. A
b hears www.example. A
