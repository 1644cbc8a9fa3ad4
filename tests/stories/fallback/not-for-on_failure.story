A fallback is sent even with on_failure = "drop": a server did answer
servers a b
attempts = 2;
on_failure = "drop";

c1 asks www.example. A
a hears www.example. A
a replies SERVFAIL
b hears www.example. A
at 750 c1 gets SERVFAIL from a
counter dropped_failure is 0
