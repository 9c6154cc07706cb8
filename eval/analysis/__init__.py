"""Numbers about judged runs: slices, curves, confusion, costs, calibration, findings."""
