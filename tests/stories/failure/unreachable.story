A server that cannot be reached ends the query at once when there is no other attempt
servers a
attempts = 1;
a is unreachable

c1 asks www.example. A with EDNS 1232
c1 gets SERVFAIL from us, with EDE 23
counter answered_unreachable is 1
counter attempt_errors is 1
