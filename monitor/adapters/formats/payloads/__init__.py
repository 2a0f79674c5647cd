"""Shapes that several formats share: cloud events, tensors, rows without names, spans, registered schemas."""
