Two failed probes and a good one leave a server up
servers a b
a is silent to probes

at 3010
a answers to probes
after 6 s
server a is up
nothing is logged
