Workers probe in turn
servers a
workers = 2;

within 2400 a hears a probe at worker 1
within 1200 a hears a probe at worker 2
within 1200 a hears a probe at worker 1
within 1200 a hears a probe at worker 2
