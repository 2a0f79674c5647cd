"""Ground truth from somebody else's SQL database, which is only read."""
