"""What the project withstands: hostile documents, hangs, kills, crowds of clients, injected orders."""
