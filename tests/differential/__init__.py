"""Our telling beside a real Alertmanager, our fold of rules beside promtool, on scripts drawn from seeds."""
