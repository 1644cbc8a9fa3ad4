With fall = 1 one failed probe is enough
servers a b
health = { fall = 1; };
a is silent to probes

within 2200 server a is down
