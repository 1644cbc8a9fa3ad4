When the sockets to a server are dead, a fresh one takes their place and the server stays up
servers a
attempts = 1;
the sockets to a die

within 1500 a hears a probe by a fresh socket
logged: server a: sockets to it were dead and have been replaced
server a is up
after 100
c1 asks www.example. A
a hears www.example. A
a replies
c1 gets NOERROR from a
