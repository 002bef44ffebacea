"""AsciiDoc: headings, lists, tables, code and admonitions as Markdown.

No library is used: the two of Python are under the GPL and the AGPL, or take seconds a kilobyte. What carries text
is read; nothing beside the file itself is, and nothing is run.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hybrid.corpus.markdown_blocks import fenced
from hybrid.corpus.readers.asciidoc_inline import Inline, alternative
from hybrid.corpus.readers.asciidoc_lines import ATTRIBUTE, read_lines
from hybrid.corpus.readers.asciidoc_table import markdown_table
from hybrid.corpus.readers.content import Content
from hybrid.corpus.readers.decoding import decode, without_encoded_data
from hybrid.types import MetadataValue

_HEADING = re.compile(r"^(={1,6}|#{1,6})[ \t]+(\S.*)$")
_BLOCK_ATTRIBUTES = re.compile(r"^\[(?:\[[\w:.-]+(?:,.*)?\]|[^\[\]\s*].*|)\]$")
_BLOCK_TITLE = re.compile(r"^\.([^\s.].*)$")
_DELIMITER = re.compile(r"^(?:-{4,}|\.{4,}|\+{4,}|={4,}|\*{4,}|_{4,}|--|`{3,}[\w+#-]*|[|,:!]={3,})$")
_RULE = re.compile(r"^(?:'{3,}|<{3,}|-{3}|\*{3}|- - -|\* \* \*)$")
_MACRO = re.compile(r"^(image|video|audio|toc)::([^\s\[]*)\[(.*)\]$")
_UNORDERED = re.compile(r"^[ \t]*(\*{1,9}|-|•)[ \t]+(\S.*)$")
_ORDERED = re.compile(r"^[ \t]*(\.{1,9}|\d{1,9}\.|[a-zA-Z]\.)[ \t]+(\S.*)$")
_CALLOUT = re.compile(r"^<(\d{1,3}|\.)>[ \t]+(\S.*)$")
_CALLOUT_MARK = "<1>"
_DESCRIPTION = re.compile(r"^[ \t]*(\S.{0,300}?)(:{2,4}|;;)(?:[ \t]+(\S.*))?$")
_ADMONITIONS = ("NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION")
_ADMONITION = re.compile(rf"^({'|'.join(_ADMONITIONS)}):[ \t]+(\S.*)$")
_ID = re.compile(r"^\[\[([\w:.-]+)|^\[[^\]#]*#([\w:.-]+)|\bid=\"?([\w:.-]+)")
_AUTHOR = re.compile(r"<[^<>]*>")


def read_asciidoc(data: bytes) -> Content:
    """Author and revision of the header are metadata; includes are not followed and told."""
    text, notes = decode(data)
    text, cleaned = without_encoded_data(text)
    lines, told = read_lines(text.split("\n"))
    document = _Document(Inline({}, _section_titles(lines)))
    start = document.header(lines)
    blocks = [block for block in document.blocks(lines[start:]) if block.strip()]
    if document.title:
        blocks.insert(0, f"# {document.title}")
    return Content("\n\n".join(blocks), document.title, notes=notes + cleaned + told, metadata=document.metadata)


def _section_titles(lines: Sequence[str]) -> Mapping[str, str]:
    """Titles by the id that is written above them, and by the one that Asciidoctor makes of them."""
    titles: dict[str, str] = {}
    identity = ""
    for line in lines:
        if found := _heading(line):
            title = found[1]
            made = "_" + re.sub(r"[ .-]+", "_", re.sub(r"[^\w .-]", "", title.lower())).strip("_")
            for name in filter(None, (identity, made, title)):
                titles.setdefault(name, title)
        named = _ID.search(line) if line.startswith("[") else None
        identity = next(filter(None, named.groups()), "") if named else ""
    return titles


@dataclass
class _Above:
    """What the lines right above a block say of it."""

    title: str = ""
    style: str = ""
    language: str = ""
    named: dict[str, str] = field(default_factory=dict)

    def read(self, line: str) -> None:
        if line.startswith("[["):
            return
        for place, (name, value) in enumerate(_attribute_list(line[1:-1])):
            if name:
                self.named[name] = value
            elif place == 0:
                style, _, options = re.sub(r"[#.][\w:-]+", "", value).partition("%")
                self.style = style.strip() or self.style
                if "%" in value:
                    self.named["options"] = options.replace("%", ",")
            elif place == 1:
                self.language = value


class _Document:
    def __init__(self, inline: Inline) -> None:
        self.title = ""
        self.metadata: dict[str, MetadataValue] = {}
        self._inline = inline

    def header(self, lines: Sequence[str]) -> int:
        """Reads title, authors, revision and attributes; the place of the first line below them."""
        place = 0
        while place < len(lines) and (not lines[place].strip() or self._sets(lines, place)):
            place += 1
        found = _heading(lines[place]) if place < len(lines) else None
        if found is None or len(found[0]) > 1:
            return 0
        place += 1
        told: list[str] = []
        while place < len(lines) and lines[place].strip():
            if not self._sets(lines, place):
                told.append(lines[place])
            place += 1
        self.title = self._inline.text(found[1])
        self._inline.set("doctitle", self.title)
        authors = tuple(
            " ".join(self._inline.text(_AUTHOR.sub("", one)).replace("_", " ").split())
            for one in (told[0].split(";") if told else [self._inline.attributes.get("author", "")])
        )
        if any(authors):
            self.metadata["author"] = authors if len(authors) > 1 else authors[0]
        if revision := (told[1] if len(told) > 1 else self._inline.attributes.get("revnumber", "")):
            self.metadata["revision"] = self._inline.substituted(revision)
        return place

    def _sets(self, lines: Sequence[str], place: int) -> bool:
        """Whether a line sets an attribute, which is done then."""
        found = ATTRIBUTE.match(lines[place])
        if found is None:
            return False
        name = found[1].strip("!")
        if "!" in found[1]:
            self._inline.attributes.pop(name.lower(), None)
        else:
            self._inline.set(name, (found[2] or "").removesuffix(" \\"))
        return True

    def blocks(self, lines: Sequence[str], *, has_sections: bool = True) -> Iterator[str]:
        """Markdown blocks of the lines of a document, a delimited block or an item."""
        place = 0
        above = _Above()
        while place < len(lines):
            line = lines[place]
            if not line.strip() or line == "+" or _RULE.match(line) or self._sets(lines, place):
                place += 1
            elif _BLOCK_ATTRIBUTES.match(line):
                above.read(self._inline.substituted(line))
                place += 1
            elif (found := _BLOCK_TITLE.match(line)) and not _ORDERED.match(line):
                above.title = self._inline.text(found[1])
                place += 1
            else:
                place, parts = self._block(lines, place, above, has_sections)
                yield from parts
                above = _Above()

    def _block(self, lines: Sequence[str], place: int, above: _Above, has_sections: bool) -> tuple[int, list[str]]:
        """The place behind the block that begins at `place`, and its Markdown."""
        line = lines[place]
        titled = [above.title] if above.title else []
        if has_sections and (heading := _heading(line)):
            return place + 1, [f"{'#' * max(len(heading[0]), 2)} {self._inline.text(heading[1])}"]
        if found := _MACRO.match(line):
            shown = self._inline.text(alternative(found[3])) if found[1] == "image" else ""
            return place + 1, [*titled, *filter(None, [shown])]
        if _DELIMITER.match(line):
            end = _end(lines, place)
            return end + 1, self._delimited(line, lines[place + 1 : end], above)
        if any(pattern.match(line) for pattern in (_UNORDERED, _ORDERED, _CALLOUT)):
            end, shown = self._list(lines, place)
            return end, [*titled, shown]
        if found := _DESCRIPTION.match(line):
            return self._description(lines, place, found)
        end = _paragraph_end(lines, place)
        return end, self._paragraph(lines[place:end], above)

    def _paragraph(self, lines: Sequence[str], above: _Above) -> list[str]:
        titled = [above.title] if above.title else []
        if above.style in ("source", "listing", "literal") or lines[0][:1].isspace():
            margin = min(len(line) - len(line.lstrip()) for line in lines)
            return [*titled, fenced("\n".join(line[margin:] for line in lines), above.language)]
        text = self._joined(lines)
        if found := _ADMONITION.match(text):
            return [*titled, f"{found[1].capitalize()}: {found[2]}"]
        if above.style in _ADMONITIONS:
            text = f"{above.style.capitalize()}: {text}"
        return [*titled, text]

    def _joined(self, lines: Sequence[str]) -> str:
        """Lines as one, but for those that end in ` +`."""
        parts: list[str] = []
        for line in "\n".join(lines).split(" +\n"):
            parts.append(self._inline.text(" ".join(line.split())).removesuffix(" +"))
        return "\n".join(parts)

    def _delimited(self, delimiter: str, inner: Sequence[str], above: _Above) -> list[str]:
        titled = [above.title] if above.title else []
        kind = delimiter[0]
        verbatim = above.style in ("source", "listing", "literal", "stem", "latexmath", "asciimath", "plantuml")
        if kind == "+" and not verbatim:
            return []
        if kind in "-.`+" and (delimiter != "--" or verbatim):
            language = delimiter.lstrip("`") if kind == "`" else above.language
            return [*titled, fenced("\n".join(inner).strip("\n"), language)] if "".join(inner).strip() else []
        if kind in "|,:!" and delimiter[1] == "=":
            return [*titled, markdown_table(inner, above.named, kind, self._inline.text)]
        blocks = list(self.blocks(inner, has_sections=False))
        if above.style in _ADMONITIONS and blocks:
            if blocks[0].startswith(("```", "|")):
                blocks.insert(0, "")
            blocks[0] = f"{above.style.capitalize()}: {blocks[0]}".rstrip()
        return [*titled, *blocks]

    def _list(self, lines: Sequence[str], place: int) -> tuple[int, str]:
        """Items, those of other marks inside them, and the blocks that a `+` attaches to them."""
        shown: list[str] = []
        marks: list[str] = []
        numbers: list[int] = []
        while place < len(lines) and (item := _item(lines[place])):
            mark, text = item
            if marks and (mark == _CALLOUT_MARK) != (marks[0] == _CALLOUT_MARK):
                break
            if mark in marks:
                del marks[marks.index(mark) + 1 :], numbers[marks.index(mark) + 1 :]
            else:
                marks.append(mark)
                numbers.append(0)
            numbers[-1] += 1
            indent = "  " * (len(marks) - 1)
            end = _paragraph_end(lines, place, in_list=True)
            lead = "- " if mark[0] in "*-•" else f"{numbers[-1]}. "
            body = self._joined([text, *lines[place + 1 : end]])
            shown += [f"{indent}{lead if not i else '  '}{line}" for i, line in enumerate(body.split("\n"))]
            place = end
            while place < len(lines) and lines[place] == "+":
                place, blocks = self._attached(lines, place + 1)
                shown += [f"{indent}  {line}" for block in blocks for line in block.split("\n")]
            after = place
            while after < len(lines) and not lines[after].strip():
                after += 1
            place = after if after < len(lines) and _item(lines[after]) else place
        return place, "\n".join(shown)

    def _attached(self, lines: Sequence[str], place: int) -> tuple[int, list[str]]:
        above = _Above()
        while place < len(lines) and (_BLOCK_ATTRIBUTES.match(lines[place]) or _BLOCK_TITLE.match(lines[place])):
            if lines[place].startswith("["):
                above.read(self._inline.substituted(lines[place]))
            else:
                above.title = self._inline.text(lines[place][1:])
            place += 1
        if place >= len(lines) or not lines[place].strip() or lines[place] == "+":
            return place, []
        return self._block(lines, place, above, has_sections=False)

    def _description(self, lines: Sequence[str], place: int, found: re.Match[str]) -> tuple[int, list[str]]:
        term = self._inline.text(found[1])
        first = place + 1
        if not found[3]:
            while first < len(lines) and not lines[first].strip():
                first += 1
            if first >= len(lines) or _begins_block(lines[first]) or _DESCRIPTION.match(lines[first]):
                return place + 1, [f"{term}:"]
            end = _paragraph_end(lines, first, in_list=True)
            return end, [f"{term}: {self._joined(lines[first:end])}"]
        end = _paragraph_end(lines, place, in_list=True)
        return end, [f"{term}: {self._joined([found[3], *lines[first:end]])}"]


def _heading(line: str) -> tuple[str, str] | None:
    """Marks and title of a heading, behind which the marks may stand again."""
    found = _HEADING.match(line)
    if found is None:
        return None
    marks, title = found.groups()
    closed = title.removesuffix(marks)
    return marks, closed.rstrip() if closed != title and closed[-1:].isspace() else title


def _attribute_list(text: str) -> Iterator[tuple[str, str]]:
    """Name ("" for one by its place) and value of each attribute of a block."""
    for found in re.finditer(r'\s*(?:([\w-]+)\s*=\s*)?("[^"]*"|[^,]*)(?:,|$)', text):
        if found[0]:
            yield found[1] or "", found[2].strip().strip('"')


def _end(lines: Sequence[str], place: int) -> int:
    """Where the block that opens at `place` ends; the last line where nothing ends it."""
    wanted = "```" if lines[place].startswith("```") else lines[place]
    return next((end for end in range(place + 1, len(lines)) if lines[end] == wanted), len(lines))


def _item(line: str) -> tuple[str, str] | None:
    """Mark and text of an item of a list; numbers and letters of one list have one mark."""
    if found := _UNORDERED.match(line):
        return found[1], found[2]
    if found := _ORDERED.match(line):
        return found[1] if found[1].startswith(".") else ("a." if found[1][0].isalpha() else "1."), found[2]
    if found := _CALLOUT.match(line):
        return _CALLOUT_MARK, found[2]
    return None


def _begins_block(line: str) -> bool:
    return bool(_BLOCK_ATTRIBUTES.match(line) or _DELIMITER.match(line) or _item(line) or line == "+")


def _paragraph_end(lines: Sequence[str], place: int, *, in_list: bool = False) -> int:
    """The first line that no longer belongs to the paragraph or the item that begins at `place`."""
    end = place + 1
    while end < len(lines) and (line := lines[end]).strip():
        if line == "+" or _BLOCK_ATTRIBUTES.match(line) or _DELIMITER.match(line):
            break
        if in_list and (_item(line) or _DESCRIPTION.match(line)):
            break
        end += 1
    return end
