"""Kafka: sources by two clients behind one port, and the dead-letter topic."""
