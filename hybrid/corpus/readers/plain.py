"""Plain text: the first line is the title, underlined lines are headings."""

import re

from hybrid.corpus.readers.content import Content
from hybrid.corpus.readers.decoding import decode, without_encoded_data

_UNDERLINE = re.compile(r"^(=|-)\1{2,}\s*$")
_LONGEST_TITLE = 120


def read_plain(data: bytes) -> Content:
    """The text with Markdown headings."""
    text, notes = decode(data)
    text, cleaned = without_encoded_data(text)
    output: list[str] = []
    for line in text.splitlines():
        if _UNDERLINE.match(line) and output and output[-1].strip() and not output[-1].startswith("#"):
            output[-1] = f"## {output[-1].strip()}"
        else:
            output.append(line)
    first = next((i for i, line in enumerate(output) if line.strip()), None)
    if first is not None and not output[first].startswith("#") and len(output[first]) <= _LONGEST_TITLE:
        output[first] = f"# {output[first].strip()}"
    return Content("\n".join(output), notes=notes + cleaned)
