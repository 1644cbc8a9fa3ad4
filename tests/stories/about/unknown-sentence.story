A sentence that nobody knows is an error
# diverges at line 5: no sentence begins like this
servers a

the cat asks www.example. A
