When no server can be reached and on_failure = "drop", there is silence at once
servers a b
on_failure = "drop";
a is unreachable
b is unreachable

c1 asks www.example. A
nobody gets anything
0 queries are pending
counter dropped_failure is 1
