"""What is known of languages and scripts: one form of a text, its words, its numbers, dates and units."""
