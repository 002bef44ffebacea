"""hybrid: tells wrong documents from wrong answers in retrieval-augmented generation, and retunes the right layer."""

__version__ = "0.1.0"
