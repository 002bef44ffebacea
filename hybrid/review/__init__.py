"""People who read questions beside their passages, what they decide, and how far they agree."""
