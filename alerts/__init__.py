"""Telling people: alert events in, notifications out. Knows labels and annotations, nothing of models."""
