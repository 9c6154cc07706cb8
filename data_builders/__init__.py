"""Graphs in, text questions with checked answers out."""
