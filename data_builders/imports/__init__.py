"""Questions of other datasets, read out of their texts."""
