One that is silent and one that fails leave the third to answer
servers a b c
policy = "round-robin";
a is silent
b answers SERVFAIL
c answers after 2

every 5 until 6000 the crowd asks n*.example. A
at 9000
the crowd always got NOERROR
