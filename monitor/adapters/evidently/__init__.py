"""Evidently's HTML report of a window, rendered in a process of its own: it costs seconds and hundreds of megabytes."""
