A server that does not exist is an error
# diverges at line 5: no sentence begins like this
servers a b

c hears www.example. A
