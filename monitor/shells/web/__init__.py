"""Pages for people, drawn purely: no script, nothing from elsewhere."""
