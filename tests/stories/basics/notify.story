A NOTIFY is forwarded, and its answer delivered
servers a

c1 notifies example.
a hears example. SOA
a replies
c1 gets NOERROR from a
