"""Datasets in the forms that other programs read, and what each needs to score with our scorer."""
