"""One channel-neutral message, and the forms in which channels show it."""
