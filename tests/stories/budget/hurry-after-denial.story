A client that asks again after a denied retry has it made when there is a token
servers a b c
retry = { budget_percent = 0; };
eject = { consecutive_timeouts = 0; };
health = { mode = "off"; };
about dead.test. everyone is silent

the crowd asks 400 times www.n*.dead.test. A
at 10
c1 asks www.example. A
a hears www.example. A
at 2500
c1 asks again
someone hears www.example. A
it replies
c1 gets NOERROR from it
