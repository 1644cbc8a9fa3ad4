What was not told is found at the end of the story as well
# diverges at line 5: a hears www.example. A
servers a

c1 asks www.example. A
