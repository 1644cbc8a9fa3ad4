No query tests an ejected server where an error is no cause for a retry
servers a b c
policy = "round-robin";
retry = { on = [ "timeout", "servfail", "refused" ]; };

everyone answers after 3
a answers SERVFAIL to queries
every 5 until 800 the crowd asks n*.example. A
at 800
server a is ejected
every 5 until 4000 the crowd asks n*.example. A
at 4100
counter tests is 0
the crowd always got NOERROR
