"""What tests of raw rows rest on: rows of two sides, as numbers, and which of them could change places."""
