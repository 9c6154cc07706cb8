"""Text in, the answer that it states out."""
