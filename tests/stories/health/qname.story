The probe is what health.qname and health.qtype say
servers a
health = { qname = "health.example."; qtype = "A"; };

within 1200 a hears a probe for health.example. A
