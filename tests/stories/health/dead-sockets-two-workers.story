Where one worker's sockets were dead, those of the others are looked at at once
servers a
workers = 2;
attempts = 1;
the sockets to a die

within 1500 logged: server a: sockets to it were dead and have been replaced
within 400 logged: server a: sockets to it were dead and have been replaced
c1 asks one.example. A at worker 1
c2 asks two.example. A at worker 2
a hears 2 queries
a replies
a replies
c1 gets NOERROR from a
c2 gets NOERROR from a
