"""The migration branch `alerts`: its own version table, so that it can live beside any other branch."""
