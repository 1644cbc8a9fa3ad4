A dead domain that everybody asks for takes no retries from its neighbours below the same top level
servers a b c
everyone answers after 2
about dead.com. everyone is silent

every 5 until 20 s the crowd asks dead.com. A
every 1 until 20 s the flood asks n*.com. A
at 6000
a is silent
at 24 s
the flood got NOERROR at least 99.9 %
