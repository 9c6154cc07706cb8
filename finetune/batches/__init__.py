"""Examples in, batches of token ids and their loss out."""
