A draining server gets no new query and is probed on
server a state = "drain";
server b

c1 asks www.example. A
b hears www.example. A
b replies
c1 gets NOERROR from b
within 1200 a hears a probe
