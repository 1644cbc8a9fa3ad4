A hedge does not go to a draining server: no answer is lost that it could save
server a
server b state = "drain";
hedge = { percent = 10; };
everyone answers after 1

every 1 until 3000 the crowd asks n*.example. A
at 3000
count anew
b has heard 0 queries
a answers after 30
every 1 until 5000 the crowd asks m*.example. A
at 5100
b has heard 0 queries
counter hedges is 0
