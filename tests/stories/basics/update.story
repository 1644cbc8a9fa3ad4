An UPDATE is forwarded, and its answer delivered
servers a

c1 updates example.
a hears example. SOA
a replies REFUSED
c1 gets REFUSED from a
