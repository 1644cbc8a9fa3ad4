At the program's start everybody has its whole share
servers a b
policy = "random";
slow_start_ms = 40000;
everyone answers

every 1 until 3000 the crowd asks n*.example. A
at 3100
the share of a is 50 % +- 4
