"""What a reader gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hybrid.types import MetadataValue

Marks = tuple[tuple[int, str], ...]


class UnreadableError(Exception):
    """A file that cannot be read; the message is the reason, for a person."""


@dataclass(frozen=True, slots=True)
class Content:
    """The text of a file, and what its reader knows beside it.

    `title` where the format has one apart from the text. `marks`: offsets from which on the place in the file is
    known, as a suffix of its path (`#page=3`, `:12`). `records`: every mark begins a record of its own. `notes`:
    line (0 for the whole file) and what was left out or cleaned there. `metadata`: fields of the whole file;
    `record_metadata`: of every record, in the order of the marks.
    """

    text: str
    title: str = ""
    marks: Marks = ()
    records: bool = False
    notes: tuple[tuple[int, str], ...] = ()
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    record_metadata: tuple[Mapping[str, MetadataValue], ...] = ()
