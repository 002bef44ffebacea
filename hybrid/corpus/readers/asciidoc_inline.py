"""What stands inside a line of AsciiDoc: attributes, links, references, marks of emphasis, macros, as plain text."""

import re
from collections.abc import Callable, Mapping

_INTRINSIC = {
    "empty": "", "blank": "", "sp": " ", "nbsp": " ", "zwsp": "", "wj": "", "apos": "'", "quot": '"', "lsquo": "‘",
    "rsquo": "’", "ldquo": "“", "rdquo": "”", "deg": "°", "plus": "+", "brvbar": "¦", "vbar": "|", "amp": "&",
    "lt": "<", "gt": ">", "startsb": "[", "endsb": "]", "caret": "^", "asterisk": "*", "tilde": "~", "backslash": "\\",
    "backtick": "`", "two-colons": "::", "two-semicolons": ";;", "cpp": "C++",
}  # fmt: skip
_LONGEST_VALUE = 1_000
"""Characters of an attribute: values may name values, and a few lines of them are gigabytes."""
_MOST_INSERTED = 1_000_000
"""Characters that the values of attributes add to a file; what comes after keeps its `{name}`."""
_ATTRIBUTE = re.compile(r"\\?\{([\w-]{1,60})\}")
_SPECIAL = re.compile(r"[*_#`+^~:<\[(\"']")
_CODE = re.compile(r"``(?=\S)([^`]{1,1000})``|(?<![\w`\\])`(?!`)([^`]{1,1000})`(?![\w`])")
_RAW = re.compile(r"\+\+\+(.{0,1000}?)\+\+\+|\bpass:[\w,]{0,20}\[((?:[^\]\\]|\\.){0,1000})\]")
_URL = r"(?:https?|ftp|irc)://[^\s\[\]<>]{1,500}"
_STEPS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\[\[[\w:.-]{1,100}(?:,[^\]]{0,200})?\]\]|\banchor:[\w.-]{1,100}\[[^\]]{0,200}\]"), ""),
    (re.compile(r"\(\(\([^()]{1,200}\)\)\)|\bindexterm:\[[^\]]{0,200}\]"), ""),
    (re.compile(r"\(\(([^()]{1,200})\)\)|\bindexterm2:\[([^\]]{0,200})\]"), lambda m: m[1] or m[2] or ""),
    (re.compile(r"\bfootnote:[\w-]{0,60}\[([^\]]{0,1000})\]"), lambda m: f" ({m[1]})" if m[1] else ""),
    (re.compile(r"\b(?:image|icon):(?!:)[^\s\[\]]{1,300}\[([^\]]{0,300})\]"), lambda m: alternative(m[1])),
    (re.compile(r"\b(?:kbd|btn|stem|latexmath|asciimath):\[([^\]]{0,500})\]"), lambda m: m[1]),
    (re.compile(r"\bmenu:([^\[\]]{1,100})\[([^\]]{0,200})\]"), lambda m: " > ".join(filter(None, (m[1], m[2])))),
    (re.compile(r"\b(?:link|mailto|xref):([^\s\[\]]{1,500})\[([^\]]{0,500})\]"), lambda m: _link_text(m[2]) or m[1]),
    (re.compile(rf"<({_URL})>"), lambda m: m[1]),
    (re.compile(rf"({_URL})\[([^\]]{{0,500}})\]"), lambda m: _link_text(m[2]) or m[1]),
    (re.compile(r"\"`([^`\n]{1,500})`\""), r"“\1”"),
    (re.compile(r"'`([^`\n]{1,500})`'"), r"‘\1’"),
    (re.compile(r"(?:\[[\w.#%, -]{1,100}\])?\*\*(?=\S)([^*]{1,500})\*\*"), r"\1"),
    (re.compile(r"(?:\[[\w.#%, -]{1,100}\])?__(?=\S)([^_]{1,500})__"), r"\1"),
    (re.compile(r"(?:\[[\w.#%, -]{1,100}\])?##(?=\S)([^#]{1,500})##"), r"\1"),
    (re.compile(r"(?<![\w\\*])(?:\[[\w.#%, -]{1,100}\])?\*(?=[^\s*])([^*]{0,499}[^\s*])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<![\w\\_])(?:\[[\w.#%, -]{1,100}\])?_(?=[^\s_])([^_]{0,499}[^\s_])_(?![\w_])"), r"\1"),
    (re.compile(r"(?<![\w\\#])(?:\[[\w.#%, -]{1,100}\])?#(?=[^\s#])([^#]{0,499}[^\s#])#(?![\w#])"), r"\1"),
    (re.compile(r"(?<![\w\\+])\+(?=[^\s+])([^+]{0,499}[^\s+])\+(?![\w+])"), r"\1"),
    (re.compile(r"\^([^\s^]{1,100})\^"), r"\1"),
    (re.compile(r"~([^\s~]{1,100})~"), r"\1"),
    (re.compile(r"(?<=[\w,;:.!?)]) -- (?=\S)"), " — "),
    (re.compile(r"\\(?=[*_#`+^~{<\[(])"), ""),
)
_REFERENCE = re.compile(r"<<([^<>,]{1,200})(?:,([^<>]{0,500}))?>>")


class Inline:
    """Lines to plain text. `attributes` are those of the document so far; `titles` those of its sections by id."""

    def __init__(self, attributes: dict[str, str], titles: Mapping[str, str]) -> None:
        self.attributes = attributes
        self._titles = titles
        self._inserted = 0

    def set(self, name: str, value: str) -> None:
        """An attribute; the values that its own names are put in now, as its authors mean it."""
        self.attributes[name.lower()] = self.substituted(value)[:_LONGEST_VALUE]

    def substituted(self, text: str) -> str:
        """The text with the values of its attributes; unknown ones stay as they are."""
        return _ATTRIBUTE.sub(self._value, text) if "{" in text else text

    def text(self, raw: str) -> str:
        """A line or a paragraph without its marks; code keeps its backticks."""
        shown = self.substituted(raw)
        if not _SPECIAL.search(shown):
            return shown
        parts: list[str] = []
        end = 0
        for code in _CODE.finditer(shown):
            # quotation marks are written with backticks too
            if shown[code.start() - 1 : code.start()] in ('"', "'") and shown[code.end() : code.end() + 1] in (
                '"',
                "'",
            ):
                continue
            parts += [self._plain(shown[end : code.start()]), f"`{(code[1] or code[2]).strip('+')}`"]
            end = code.end()
        return "".join([*parts, self._plain(shown[end:])])

    def _plain(self, text: str) -> str:
        parts: list[str] = []
        end = 0
        for raw in _RAW.finditer(text):
            parts += [self._marked(text[end : raw.start()]), raw[1] or raw[2] or ""]
            end = raw.end()
        return "".join([*parts, self._marked(text[end:])])

    def _marked(self, text: str) -> str:
        text = _REFERENCE.sub(self._reference, text)
        for pattern, replacement in _STEPS:
            text = pattern.sub(replacement, text)
        return text

    def _reference(self, found: re.Match[str]) -> str:
        if found[2] and found[2].strip():
            return found[2].strip()
        target = found[1].strip().lstrip("#")
        return self._titles.get(target) or target.rpartition("#")[2].strip("_").replace("_", " ")

    def _value(self, found: re.Match[str]) -> str:
        if found[0].startswith("\\"):
            return found[0][1:]
        name = found[1].lower()
        value = self.attributes.get(name, _INTRINSIC.get(name))
        if value is None or self._inserted > _MOST_INSERTED:
            return found[0]
        self._inserted += len(value)
        return value


def _link_text(text: str) -> str:
    """What a link shows: without the attributes behind its text and the sign for a new window."""
    shown = text.split(",")[0] if re.search(r",\s*[\w-]+=", text) else text
    shown = re.sub(r"^[\w-]+=.*", "", shown)
    return shown.strip().strip('"').removesuffix("^")


def alternative(text: str) -> str:
    """The words that stand for an image."""
    named = re.search(r'\balt="?([^",]+)', text)
    first = text.split(",")[0].strip().strip('"')
    return named[1] if named else ("" if "=" in first else first)
