"""Plain text: the first line is the title where it stands alone, underlined lines are headings."""

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
        if not _UNDERLINE.match(line):
            output.append(line)
        elif output and _is_heading(output):
            if len(output) > 1 and _UNDERLINE.match(output[-2]):
                # the line above a title that is framed
                del output[-2]
            output[-1] = f"## {output[-1].strip()}"
        else:
            output.append(line)
    first = next((i for i, line in enumerate(output) if any(map(str.isalnum, line))), None)
    # the first of several lines is the beginning of a paragraph
    stands_alone = first is not None and not any(map(str.isalnum, "".join(output[first + 1 : first + 2])))
    if (
        first is not None
        and stands_alone
        and not output[first].startswith("#")
        and len(output[first]) <= _LONGEST_TITLE
    ):
        output[first] = f"# {output[first].strip()}"
    return Content("\n".join(output), notes=notes + cleaned)


def _is_heading(lines: list[str]) -> bool:
    """Whether the last line stands alone: the end of a paragraph above a rule is no heading."""
    last, before = lines[-1].strip(), lines[-2].strip() if len(lines) > 1 else ""
    return (
        bool(last)
        and not last.startswith("#")
        and len(last) <= _LONGEST_TITLE
        and not (before and not before.startswith("#") and not _UNDERLINE.match(before))
    )
