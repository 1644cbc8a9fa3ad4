With a name of its own in health.qname a REFUSED fails a probe
cold start
servers a
health = { qname = "health.example."; };
a refuses

after 1 server a is down
