A single server that loses a fifth has every query asked again
servers a
everyone answers after 2

every 10 until 8000 the crowd asks n*.example. A
at 1000
a loses 10 %
at 12 s
the crowd got NOERROR at least 99.5 %
