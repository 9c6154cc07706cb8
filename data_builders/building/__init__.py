"""A config in, a dataset folder out."""
