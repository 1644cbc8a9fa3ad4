A retry goes to one that is up rather than to one that is ejected
servers a b c
policy = "first-available";
eject = { base_ms = 20000; };
a answers SERVFAIL to queries
b answers to queries
c answers to queries

the crowd asks 5 times n*.example. A
after 1
server a is ejected
b waits to queries
c1 asks www.example. A
b hears www.example. A
b replies REFUSED
c1 gets NOERROR from c
