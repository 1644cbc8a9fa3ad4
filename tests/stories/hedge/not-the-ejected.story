A hedge does not go to an ejected server, which gets its tests and nothing else
servers a b
hedge = { percent = 10; };
policy = "round-robin";
eject = { base_ms = 60000; };
everyone answers after 1

every 1 until 3000 the crowd asks n*.example. A
at 3000
b answers SERVFAIL to queries
every 1 until 3500 the crowd asks n*.example. A
at 3500
server b is ejected
count anew
every 1 until 5500 the crowd asks m*.example. A
a answers after 30
at 5600
b has heard at most 4 queries
