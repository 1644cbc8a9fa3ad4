The place of an attempt without a reply comes free when its time is over
server a max_outstanding = 1;
attempts = 1;
attempt_timeout_ms = 750;

c1 asks one.example. A
a hears one.example. A
after 749
c1 asks two.example. A
counter shed_limit is 1
after 1
c1 asks three.example. A
a hears three.example. A
a replies to three.example. A
c1 gets NOERROR from a
at 3000 c1 gets SERVFAIL from us
