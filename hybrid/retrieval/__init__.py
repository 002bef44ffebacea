"""Embedders, vector stores, and the index made of both."""
