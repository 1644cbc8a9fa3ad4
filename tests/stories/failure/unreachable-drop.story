With on_failure = "drop" an unreachable server means silence
servers a
attempts = 1;
on_failure = "drop";
a is unreachable

c1 asks www.example. A
nobody gets anything
counter dropped_failure is 1
