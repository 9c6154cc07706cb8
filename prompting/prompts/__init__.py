"""How a question is put: methods, algorithms in words, exemplars."""
