"""For whoever writes a channel: recording servers, and the kit that every channel must pass. Imported by tests only."""
