"""One module for each format of documents: bytes in, text with Markdown headings, tables and lists out."""
