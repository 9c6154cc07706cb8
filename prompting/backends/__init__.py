"""Where a prompt is answered: local models, servers, batch files."""
