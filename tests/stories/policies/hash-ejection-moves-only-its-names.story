An ejection moves the names of that server and no others
servers a b c
policy = "hash";
everyone answers after 1

every 5 until 3000 the crowd asks n*.example. A
at 3100
the share of a is 33 % +- 7
mark b ejected
count anew
every 5 until 6000 the crowd asks n*.example. A
at 6100
the share of b is 0 % +- 0
the share of a is 50 % +- 8
