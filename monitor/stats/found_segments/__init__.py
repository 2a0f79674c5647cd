"""Segments that nobody declared: where in a window a model is significantly worse than in the rest of it."""
