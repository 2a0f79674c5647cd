"""Puts the program together: the only package that names concrete adapters, and finds plug-ins."""
