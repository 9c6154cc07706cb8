"""Language models trained on graph questions: examples in, a model and its predictions out."""
