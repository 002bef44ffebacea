"""Characters that a reader does not see, but a terminal or a browser obeys: shown as escapes instead.

C0 and C1 controls (ESC begins a terminal's commands, CR goes back over what stands there), bidirectional controls and
what hides text: line and paragraph separators, tags, annotations, halves of surrogate pairs. Joiners and zero-width
spaces stay, for whole scripts are not written without them. Each character is replaced by itself, without looking for
sequences: so nothing that is cut into pieces, new or broken can slip through.
"""

import json
import re

_ALWAYS = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
    r"\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f"
)
_IN_TEXTS = re.compile(rf"[{_ALWAYS}]|\r(?!\n)")
_IN_LINES = re.compile(rf"[{_ALWAYS}\t\n\r]")


def visible(text: str) -> str:
    r"""The text with escapes (`\x1b`, `\u202e`) for its control characters; its line ends and tabs stay."""
    return _IN_TEXTS.sub(_escape, text)


def one_line(text: str) -> str:
    """As `visible`, for names and ids: line ends and tabs are escaped, too."""
    return _IN_LINES.sub(_escape, text)


def has_controls(name: str) -> bool:
    """Whether a name or an id holds any of them, a tab or a line end: it could stand in no table and on no line."""
    return _IN_LINES.search(name) is not None


def visible_json(document: str) -> str:
    """A JSON document with its control characters escaped as JSON has it; it means the same."""
    return _IN_TEXTS.sub(lambda match: json.dumps(match[0])[1:-1], document)


def without_halves(text: str) -> str:
    """Text that UTF-8 can hold: halves of a surrogate pair that stand together are joined, others are U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode()
