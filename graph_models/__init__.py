"""Models that read graphs and not text: graph neural networks and transformers over graph tokens."""
