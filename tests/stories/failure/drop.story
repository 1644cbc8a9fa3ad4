With on_failure = "drop" silence ends in silence
servers a
attempts = 1;
on_failure = "drop";

c1 asks www.example. A
a hears www.example. A
after 3001
nobody gets anything
0 queries are pending
counter dropped_failure is 1
