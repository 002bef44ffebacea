"""Training of the embedder and of the generator, and merging."""
