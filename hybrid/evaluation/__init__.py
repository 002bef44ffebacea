"""Scores with intervals, and the attribution of failures to a layer."""
