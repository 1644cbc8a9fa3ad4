A clause that nobody knows is an error, and said where it begins
# diverges at line 5: this is not understood from "mit" on
servers a

c1 asks www.example. A mit EDNS 1232
