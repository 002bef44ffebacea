"""Questions out of documents: without a model, and by a teacher model under filters."""
