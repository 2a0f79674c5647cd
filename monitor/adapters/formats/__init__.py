"""Formats of inference logs: one file each, found by its `KIND`; docs/reference/formats.md describes them."""
