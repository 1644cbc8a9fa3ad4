With policy client-hash a client goes to the same server each time
servers a b c
policy = "client-hash";

c1 asks one.example. A
someone hears one.example. A
it replies
c1 gets NOERROR from it
c1 asks two.example. A
it hears two.example. A
it replies
c1 gets NOERROR from it
