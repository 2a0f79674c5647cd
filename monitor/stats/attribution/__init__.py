"""What a change is made of: columns, bins and segments, in parts that add up to the whole."""
