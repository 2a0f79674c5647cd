"""Driftline's deciding half: from inference records to alert events and retraining requests."""
