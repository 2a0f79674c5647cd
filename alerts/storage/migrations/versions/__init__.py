"""One module a step, never edited after a release: expand, migrate and contract in separate releases."""
