"""Graphs as text, and that text read back."""
