"""From a question and its context to a cited answer."""
