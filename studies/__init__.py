"""Grids of runs, each described by one YAML file and written up as one page."""
