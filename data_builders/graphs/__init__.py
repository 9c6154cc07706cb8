"""Graphs: the record, random streams, node names, random families, and the split that a graph belongs to."""
