Without "unreachable" in retry.on a failed send ends the query
servers a b
retry = { on = [ "timeout", "servfail", "refused" ]; };
a is unreachable

c1 asks one.example. A with EDNS 1232
c1 gets SERVFAIL from us, with EDE 23
nobody hears anything
