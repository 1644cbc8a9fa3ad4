With a higher eject.max_percent more are ejected
servers a b c
policy = "round-robin";
eject = { max_percent = 67; };
panic_percent = 0;
a answers SERVFAIL to queries
b answers SERVFAIL to queries
c answers to queries

every 5 until 500 the crowd asks n*.example. A
at 500
server a is ejected
server b is ejected
the crowd always got NOERROR
