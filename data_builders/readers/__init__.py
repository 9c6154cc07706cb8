"""The user's own graphs: files and Python objects in, small named subgraphs out."""
