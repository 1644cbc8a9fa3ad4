A query without a reply is asked again elsewhere after attempt_timeout_ms
servers a b

c1 asks www.example. A
a hears www.example. A
after 749
nobody hears anything
at 750 b hears www.example. A with another ID
after 5
b replies
c1 gets NOERROR from b
counter retries is 1
counter attempts is 2
counter attempt_timeouts is 1
counter timeouts of a is 1
