One sick server never exhausts the budget, because its retries bring answers
servers a b
policy = "round-robin";
retry = { budget_percent = 5; };
eject = { max_percent = 0; consecutive_timeouts = 0; };
panic_percent = 0;
health = { mode = "off"; };
a answers REFUSED to queries
b answers to queries

every 1 until 5000 the crowd asks n*.example. A
at 5100
the crowd always got NOERROR
counter retries_denied is 0
