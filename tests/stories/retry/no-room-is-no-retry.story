No room to send is our trouble: it is not asked again elsewhere, but shed
servers a b
there is no room to send to a

c1 asks www.example. A
nobody hears anything
nobody gets anything
counter shed_limit is 1
counter retries is 0
