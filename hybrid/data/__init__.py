"""A team's data over time and between tools: versions, the data card, exports, and chat files read back."""
