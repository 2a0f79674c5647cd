"""Benchmarks: python -m benchmarks NAME; the last line of standard output is one JSON object."""
