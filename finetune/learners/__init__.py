"""What trains: one file a kind of learner, and what watches it."""
