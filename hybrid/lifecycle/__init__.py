"""What depends on what, what is stale, and the whole loop."""
