"""Arrays in, numbers out: profiles, baselines, drift tests, performance metrics. Pure."""
