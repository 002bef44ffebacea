"""What a reader gives back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hybrid.types import MetadataValue

_LONGEST_TITLE = 300
"""Characters."""
Marks = tuple[tuple[int, str], ...]


class UnreadableError(Exception):
    """A file that cannot be read; the message is the reason, for a person."""


@dataclass(frozen=True, slots=True)
class Content:
    """The text of a file, and what its reader knows beside it.

    `title` where the format has one apart from the text. `marks`: offsets from which on the place in the file is
    known, as a suffix of its path (`#page=3`, `:12`). `records`: every mark begins a record of its own. `notes`:
    line (0 for the whole file) and what was left out or cleaned there. `metadata`: fields of the whole file;
    `record_metadata` and `record_sections`: of every record, in the order of the marks; empty where there are none.
    """

    text: str
    title: str = ""
    marks: Marks = ()
    records: bool = False
    notes: tuple[tuple[int, str], ...] = ()
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    record_metadata: tuple[Mapping[str, MetadataValue], ...] = ()
    record_sections: tuple[str, ...] = ()


def short_title(text: str) -> str:
    """A title or heading as it stands before each passage; a long one is cut, for there may be thousands of them."""
    return text if len(text) <= _LONGEST_TITLE else f"{text[:_LONGEST_TITLE].rstrip()}…"


def with_marks(parts: Iterable[tuple[str, str]]) -> tuple[str, Marks]:
    """Parts (mark and text) as one text with a blank line between them, and where each begins; empty ones are left
    out."""
    texts: list[str] = []
    marks: list[tuple[int, str]] = []
    length = 0
    for mark, text in parts:
        if text.strip():
            marks.append((length, mark))
            texts.append(text)
            length += len(text) + 2
    return "\n\n".join(texts), tuple(marks)
