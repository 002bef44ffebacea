"""Markdown: taken as it is, but for what a reader never sees: front matter, comments, scripts, badges, tags."""

import re
from collections.abc import Callable, Mapping

from hybrid.corpus.readers.content import Content
from hybrid.corpus.readers.decoding import Notes, decode, without_encoded_data
from hybrid.corpus.readers.front_matter import read_front_matter
from hybrid.types import MetadataValue

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:(.*)$", re.MULTILINE)
CODE = re.compile(r"^(?P<fence>```+|~~~+).*?(?:^(?P=fence)[`~]*[ \t]*$|\Z)|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_HIDDEN = re.compile(
    rf"(?P<code>{CODE.pattern})|<(?P<kind>!--|script\b|style\b)", re.MULTILINE | re.DOTALL | re.IGNORECASE
)
"""Whichever begins first: code holds no comment, and a comment no code."""
_HIDDEN_ENDS = {
    "!--": re.compile("-->"),
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
}
# an opening bracket may have no other one: what is searched behind each is short
_BADGE = re.compile(r"\[!\[[^\]\n]{0,300}\]\([^)\n]{0,1000}\)\]\([^)\n]{0,1000}\)")
_IMAGE = re.compile(r"!\[([^\]\n]{0,1000})\]\([^)\n]{0,1000}\)")
_TAG = re.compile(
    r"</?(?:a|abbr|b|br|center|details|div|em|font|h[1-6]|hr|i|img|kbd|p|picture|small|source|span|strong|sub|summary"
    r"|sup|u)\b[^<>\n]*>",
    re.IGNORECASE,
)
_SETEXT = re.compile(r"^(?P<text>[^\s#>|`*+-][^\n]*)\n(?P<rule>=+|--+)[ \t]*$", re.MULTILINE)


def read_markdown(data: bytes, prepare: Callable[[str], str] | None = None) -> Content:
    """Text outside code is cleaned; code stays as it is. Front matter is metadata. `prepare`: what is done to the text
    below it before."""
    text, notes = decode(data)
    text, cleaned = without_encoded_data(text)
    title = ""
    metadata: Mapping[str, MetadataValue] = {}
    told: Notes = ()
    if front := _FRONT.match(text):
        text = text[front.end() :]
        named = _FRONT_TITLE.search(front[1])
        title = _unquoted(named[1].strip()) if named else ""
        metadata, told = read_front_matter(front[1])
    text = clean_markdown(prepare(text) if prepare else text)
    return Content(text, title=title, notes=notes + cleaned + told, metadata=metadata)


def clean_markdown(text: str) -> str:
    """The text without comments, scripts, badges and tags outside code; underlined headings become those with `#`."""
    return outside_code(without_hidden(text), _clean)


def without_hidden(text: str) -> str:
    """The text without comments, scripts and styles outside code."""
    parts: list[str] = []
    endless: set[str] = set()
    kept = place = 0
    while found := _HIDDEN.search(text, place):
        place = found.end()
        if found["code"]:
            continue
        kind = found["kind"].lower()
        end = None if kind in endless else _HIDDEN_ENDS[kind].search(text, place)
        if end is None:
            # none that begins later has an end either
            endless.add(kind)
            continue
        parts.append(text[kept : found.start()])
        kept = place = end.end()
    return "".join([*parts, text[kept:]])


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with `change` applied to what stands between code blocks and code spans."""
    parts: list[str] = []
    end = 0
    for code in CODE.finditer(text):
        parts += [change(text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, change(text[end:])])


def _unquoted(text: str) -> str:
    begins, ends = text[:1] in ("'", '"'), len(text) > 1 and text[-1] in ("'", '"')
    return text[begins : len(text) - ends]


def _clean(text: str) -> str:
    text = _IMAGE.sub(r"\1", _BADGE.sub("", text))
    text = _TAG.sub("", text)
    return _SETEXT.sub(lambda found: f"{'#' if found['rule'][0] == '=' else '##'} {found['text'].strip()}", text)
