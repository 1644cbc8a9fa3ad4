A server is tested, too, where a REFUSED is an answer and no cause for a retry
servers a b c
policy = "round-robin";
retry = { on = [ "timeout", "unreachable", "servfail" ]; };

everyone answers after 3
a answers SERVFAIL to queries
every 5 until 800 the crowd asks n*.example. A
at 800
server a is ejected
every 5 until 4000 the crowd asks n*.example. A
at 4100
counter tests is at least 3
the crowd always got NOERROR
