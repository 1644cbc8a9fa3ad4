A name that fails everywhere is nobody's fault
servers a b
about broken.test. everyone answers SERVFAIL

the crowd asks 100 times n*.broken.test. A
after 5 s
server a is up
server b is up
server a is not suspect
counter replies_bettered is 0
the crowd always got SERVFAIL
