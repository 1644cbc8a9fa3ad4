Fewer than twelve bytes get silence
servers a

c1 asks www.example. A cut to 11
nobody gets anything
nobody hears anything
counter dropped_short is 1
