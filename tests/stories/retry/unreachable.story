A query that could not be sent is sent elsewhere at once
servers a b
a is unreachable

c1 asks www.example. A
b hears www.example. A
b replies
c1 gets NOERROR from b
counter retries is 1
counter attempt_errors is 1
counter errors of a is 1
