"""MDX: Markdown without its `import` and `export` lines, JSX tags and expressions; the text between tags stays."""

import re
from collections.abc import Sequence

from hybrid.corpus.markdown_blocks import FENCE
from hybrid.corpus.readers.content import Content
from hybrid.corpus.readers.markdown import CODE, read_markdown, without_hidden

_MODULE = re.compile(
    r"(?:import|export)\b(?:\s*[{*\"']|\s+(?:default|const|let|var|function|async|class|type|interface|enum)\b"
    r"|[^\n]*\sfrom\s+[\"'])"
)
"""Begins JavaScript: a sentence that begins with "import" has no quoted file behind `from`."""
_TAG_NAME = re.compile(r"/?[A-Za-z_$][\w$.-]*(?::[A-Za-z][\w-]*)?(?=[\s/>{])|(?=/?>)")
_ADDRESS = re.compile(r"<[A-Za-z][\w+.-]*:|<[^\s<>@]{1,100}@")
_LABEL = re.compile(r"""\s(?:title|label|summary)\s*=\s*(?:"([^"\n]*)"|'([^'\n]*)')""")
"""What a component shows of its attributes: the name of a tab, the title of a note."""
_TEXT = re.compile(r"""\s*(?:"([^"\\]*)"|'([^'\\]*)'|`([^`$\\]*)`)\s*""")
_SPECIAL = re.compile(
    rf"(?P<code>{CODE.pattern})|(?P<id>[ \t]{{0,3}}\{{#[\w-]+\}}[ \t]*$)|[<{{]|\\(?=[<{{}}])", re.MULTILINE | re.DOTALL
)
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_LONGEST = 10_000
"""Characters of a tag or an expression; where none ends within them, its first character is text."""
_MOST_UNCLOSED = 200
"""Tags, expressions or pieces of JavaScript without an end; what comes after them is taken as it is."""
_MOST_LINES = 500
"""Of one piece of JavaScript."""


def read_mdx(data: bytes) -> Content:
    """Front matter is metadata, as of Markdown. Expressions that are no plain text are left out: nothing is run."""
    return read_markdown(data, prepare=_without_javascript)


def _without_javascript(text: str) -> str:
    text = _without_markup(_without_modules(without_hidden(text).split("\n")))
    return _BLANK_LINES.sub("\n\n", text).strip("\n")


def _without_modules(lines: Sequence[str]) -> str:
    kept: list[str] = []
    fence = ""
    place = unclosed = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        if fence:
            fence = "" if line.strip().startswith(fence) else fence
        elif found := FENCE.match(line):
            fence = found[1]
        elif unclosed < _MOST_UNCLOSED and (not kept or not kept[-1].strip()) and _MODULE.match(line):
            place, is_closed = _module_end(lines, place - 1)
            unclosed += not is_closed
            continue
        kept.append(line)
    return "\n".join(kept)


def _module_end(lines: Sequence[str], start: int) -> tuple[int, bool]:
    """The first empty line outside braces and True; the first of all and False where they never close."""
    depth = 0
    first = 0
    stop = min(len(lines), start + _MOST_LINES)
    for place in range(start, stop):
        line = lines[place]
        if not line.strip():
            first = first or place
            if depth <= 0:
                return place, True
        depth += sum(map(line.count, "{([")) - sum(map(line.count, "})]"))
    return first or stop, depth <= 0


def _without_markup(text: str) -> str:
    parts: list[str] = []
    place = unclosed = 0
    while unclosed < _MOST_UNCLOSED and (found := _SPECIAL.search(text, place)):
        parts.append(text[place : found.start()])
        place = found.end()
        if found["code"]:
            parts.append(found[0])
        elif found["id"]:
            # the name of a heading, for links
            continue
        elif found[0] == "\\":
            parts.append(text[place])
            place += 1
        else:
            place, shown = _tag(text, found.start()) if found[0] == "<" else _expression(text, found.start())
            parts.append(shown)
            unclosed += place == found.start() + 1
    return "".join([*parts, text[place:]])


def _tag(text: str, start: int) -> tuple[int, str]:
    """The end of a tag that begins at `start`, and what it shows; "<" itself where none begins there."""
    name = _TAG_NAME.match(text, start + 1)
    end = 0 if name is None or _ADDRESS.match(text, start) else _closing(text, name.end(), ">")
    if not end or name is None:
        return start + 1, "<"
    # what is not of a component, as of a link, is shown when the mouse is there
    label = _LABEL.search(text, name.end(), end) if name[0][:1].isupper() else None
    return end, f"\n\n{label[1] or label[2] or ''}\n\n" if label else ""


def _expression(text: str, start: int) -> tuple[int, str]:
    """The end of `{…}`, and what it shows: the text where it is one."""
    if text.startswith("{/*", start):
        end = text.find("*/", start, start + _LONGEST)
        end = text.find("}", end, end + _LONGEST) + 1 if end > 0 else 0
        return (end, "") if end else (start + 1, "{")
    end = _closing(text, start + 1, "}")
    if not end:
        return start + 1, "{"
    found = _TEXT.fullmatch(text, start + 1, end - 1)
    return end, next(filter(None, found.groups()), "") if found else ""


def _closing(text: str, place: int, last: str) -> int:
    """The place behind `last` where that stands outside quotes and braces; 0 where it does not."""
    depth = 0
    limit = min(len(text), place + _LONGEST)
    while place < limit:
        letter = text[place]
        if letter == last and not depth:
            return place + 1
        if letter in "\"'`":
            # an apostrophe has no other one on its line
            end = text.find(letter, place + 1, limit)
            place = end if end > 0 and (letter == "`" or "\n" not in text[place:end]) else place
        elif letter in "{}":
            depth += 1 if letter == "{" else -1
        place += 1
    return 0
