"""Sources in memory: for tests, simulations and trying things out. Stores in memory are SQLite in memory."""
