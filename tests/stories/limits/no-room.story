When we have no room to send, that is overload and no fault of the server
servers a
on_overload = "refused";
there is no room to send to a

c1 asks www.example. A
c1 gets REFUSED from us
counter shed_limit is 1
counter attempt_errors is 0
counter errors of a is 0
a has 0 outstanding
