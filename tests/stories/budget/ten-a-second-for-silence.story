The budget for silence gains ten retries a second, all workers together
servers a b
policy = "random";
health = { mode = "off"; };
eject = { consecutive_timeouts = 0; };
retry = { budget_percent = 0; };
attempts = 2;
everyone is silent

every 2 until 10 s the crowd asks n*.d*.example. A
at 15 s
counter retries is at most 190
