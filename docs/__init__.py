"""The documentation's own programs; not part of the distribution."""
