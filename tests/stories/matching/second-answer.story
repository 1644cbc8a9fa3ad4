A second answer is swallowed
servers a

c1 asks www.example. A
a hears www.example. A
a replies twice
c1 gets NOERROR from a
nobody gets anything
counter replies is 2
counter answered_server is 1
