"""Nothing is shared with the rest of the suite: this folder runs without the monitor package."""
