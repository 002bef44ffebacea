"""What stands before a question: worked examples chosen for it, and the form of the prompt, chosen on dev."""
