"""From files and public formats to passages and questions."""
