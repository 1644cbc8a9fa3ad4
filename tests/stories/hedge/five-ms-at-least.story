No hedge is sent before five milliseconds are over
servers a b
hedge = { percent = 2; };
everyone answers after 1

every 10 until 5000 the crowd asks n*.example. A
at 5000
hedges are sent after 5
