A server that refuses everything at once gets no more than its share
servers a b c
policy = "least-outstanding";
health = { mode = "off"; };
eject = { consecutive_timeouts = 0; max_percent = 0; };
b answers after 5
c answers after 5
a answers REFUSED to queries

every 1 until 500 the crowd asks n*.example. A
at 600
the crowd always got NOERROR
a has heard at most 40 queries
