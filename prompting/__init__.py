"""Language models as they are: examples in, prompts and completions out."""
