A single server is asked again, for the query may have been lost
servers a

c1 asks www.example. A
a hears www.example. A
at 750 a hears www.example. A
after 5
a replies to the last
c1 gets NOERROR from a
counter retries is 1
