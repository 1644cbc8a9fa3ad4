Another figure than was told is shown
# diverges at line 7: attempts is 1
servers a

c1 asks www.example. A
a hears www.example. A
counter attempts is 2
