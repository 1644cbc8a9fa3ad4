No hedge waits longer than half a second
servers a b
hedge = { percent = 2; };
everyone answers after 700

every 10 until 8000 the crowd asks n*.example. A
at 8000
hedges are sent after 500
