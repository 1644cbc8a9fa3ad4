What does not come true in its time did not come true
# diverges at line 6: a is up
servers a b

a is silent to probes
within 4000 server a is down
