A server whose replies come late but come is not taken down
servers a b
b answers after 1
a answers after 900 to queries

every 100 until 5000 the crowd asks n*.example. A
at 6 s
server a is up
the crowd always got NOERROR
