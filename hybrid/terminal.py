"""What a process prints, without what a document could command a terminal to do.

Documents, file names, questions, servers and models reach the terminal at a hundred places: by our own prints, in
warnings, in the messages of libraries' exceptions, in logs. Therefore the two streams themselves let no control
character pass, and a print that somebody adds next month is safe as well. Nothing of ours is coloured, so that there
is no exception that a document could use. The one that is left is a progress bar's on stderr: it begins a write with
CR, and moves the cursor up by writes that hold nothing else; no text of a document is ever written so.

What is written below Python, by libraries in C to the descriptors, is not seen here: those know no documents.
"""

import re
import sys
from typing import Any

from hybrid.controls import visible

_CURSOR_UP = re.compile(r"\n*(?:\x1b\[A)+")


class PlainStream:
    """A text stream that writes control characters as escapes. With `bars` progress bars may draw on it."""

    def __init__(self, stream: Any, *, bars: bool = False) -> None:
        self._stream = stream
        self._bars = bars

    def write(self, text: str) -> int:
        """As of any text stream."""
        if self._bars and _CURSOR_UP.fullmatch(text):
            self._stream.write(text)
        elif self._bars and text.startswith("\r"):
            self._stream.write("\r" + visible(text[1:]))
        else:
            self._stream.write(visible(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """As of any text stream."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name in ("buffer", "detach"):
            # a way past `write`
            raise AttributeError(name)
        return getattr(self._stream, name)


def guard_streams() -> None:
    """Make stdout and stderr plain for the rest of the process. What their encoding lacks is escaped, too."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, PlainStream):
            continue
        if getattr(stream, "errors", "") == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, PlainStream(stream, bars=name == "stderr"))
