With policy hash a name goes to the same server each time
servers a b c
policy = "hash";

c1 asks www.example. A
someone hears www.example. A
it replies
c1 gets NOERROR from it
c2 asks WWW.example. AAAA
it hears www.example. AAAA
it replies
c2 gets NOERROR from it
