A server that gets no queries is probed all the same
servers a b

after 5 s
b is silent to probes
within 4600 server b is down
