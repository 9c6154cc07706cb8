"""What prompting and fine-tuning share: how a language model is loaded, asked and read."""
