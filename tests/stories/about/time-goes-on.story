Time does not go back
# diverges at line 6: it is 10 ms already
servers a

at 10
at 9
