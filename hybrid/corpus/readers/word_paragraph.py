"""The text of a paragraph of Word: what fields show, symbols, formulas, notes where they are referred to."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from hybrid.corpus.readers.decoding import storable
from hybrid.corpus.readers.drawing import DRAWN, Drawings
from hybrid.corpus.readers.word_elements import VALUE, M, W, is_on, shown

BOX = f"{W}txbxContent"
_SPACES = frozenset(f"{W}{name}" for name in ("tab", "ptab", "br", "cr"))
_NOTES = {f"{W}{kind}Reference": kind for kind in ("footnote", "endnote")}
_RUNS = (f"{W}r", f"{M}r")
_FIELD = (f"{W}fldChar", f"{W}instrText")
_PAGES = (["PAGE"], ["NUMPAGES"], ["SECTIONPAGES"])
_INSTRUCTION = 40
"""Letters of a field's instruction that are looked at: its name is the first word."""
_FORMULA = {f"{M}num": "(", f"{M}den": "/(", f"{M}sup": "^(", f"{M}sub": "_("}
_PRIVATE = range(0xF000, 0xF100)
"""Code points that stand for the characters of a font of symbols."""
_LETTERS = " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧ∆ΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_ αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
_SIGNS = "€ϒ′≤∕∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…  ↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑          ð〉∫⌠ ⌡"
_SYMBOL = {**dict(enumerate(_LETTERS, 0x20)), **dict(enumerate(_SIGNS, 0xA0))}
"""Characters of the font Symbol, which has its own numbers for them."""
_WINGDINGS = {
    0x6C: "●", 0x6E: "■", 0x6F: "□", 0xA7: "▪", 0xA8: "◻", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓",
    0xE8: "➔", 0xF0: "⇨", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip


@dataclass
class Paragraph:
    """`after`: what hangs on the paragraph, text boxes as elements, and notes, charts and diagrams as text.
    `is_paged`: numbers of pages were left out of it."""

    text: str = ""
    after: list[Any] = field(default_factory=list)
    is_paged: bool = False


@dataclass
class _Field:
    instruction: str = ""
    is_hidden: bool = True
    """As all is that stands before the field's result."""

    @property
    def is_page(self) -> bool:
        return self.instruction.upper().split(maxsplit=1)[:1] in _PAGES


class ParagraphReader:
    """Reads paragraphs. `notes`: texts by kind and number, given out once; `hidden`: ids of the styles of hidden text;
    `drawings` of the part that the paragraphs are of; `pages`: whether the numbers of pages are kept."""

    def __init__(
        self,
        hidden: Collection[str],
        notes: dict[tuple[str, str], str] | None = None,
        drawings: Drawings | None = None,
        *,
        pages: bool = True,
    ) -> None:
        self._hidden = hidden
        self._notes = notes or {}
        self._drawings = drawings
        self._pages = pages

    def read(self, element: Any, *, notes_after: bool = False) -> Paragraph:
        """The text with single spaces; with `notes_after` notes come after the paragraph and not into its text."""
        found = Paragraph()
        pieces: list[str] = []
        # a field that nothing ends hides no more than the rest of its paragraph
        fields: list[_Field] = []
        num_hiding = 0
        is_hidden = self._style(element.find(f"{W}pPr/{W}pStyle"))
        stack = shown(element)
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                pieces.append(node)
            elif node.tag == f"{W}fldChar":
                num_hiding += self._mark(fields, node.get(f"{W}fldCharType"), found)
            elif node.tag == f"{W}instrText":
                if fields and len(fields[-1].instruction) < _INSTRUCTION:
                    fields[-1].instruction += (node.text or "")[:_INSTRUCTION]
            elif node.tag == f"{W}fldSimple" and not self._pages and _Field(node.get(f"{W}instr", "")).is_page:
                found.is_paged = True
            elif node.tag in _RUNS and self._is_hidden(node, is_hidden):
                stack += [child for child in shown(node) if child.tag in _FIELD]
            elif node.tag == BOX:
                found.after.append(node)
            elif node.tag in DRAWN:
                found.after += self._drawings.read(node) if self._drawings else []
            elif kind := _NOTES.get(node.tag):
                if note := self._notes.pop((kind, node.get(f"{W}id", "")), ""):
                    (found.after if notes_after else pieces).append(note if notes_after else f" ({note})")
            elif (text := _text(node)) is not None:
                pieces += [text] if not num_hiding else []
            elif node.tag in _FORMULA and len(node):
                pieces.append(_FORMULA[node.tag])
                stack += [")", *shown(node)]
            else:
                stack += shown(node)
        found.text = " ".join("".join(pieces).replace("\xad", "").split())
        return found

    def _mark(self, fields: list[_Field], kind: str | None, found: Paragraph) -> int:
        """How many more fields hide their text after a mark of a field."""
        if kind == "begin":
            fields.append(_Field())
            return 1
        if not fields:
            return 0
        was_hidden = fields[-1].is_hidden
        if fields[-1].is_page and not self._pages:
            found.is_paged = True
        else:
            fields[-1].is_hidden = False
        if kind == "end":
            fields.pop()
            return -was_hidden
        return fields[-1].is_hidden - was_hidden

    def _is_hidden(self, run: Any, by_paragraph: bool) -> bool:
        properties = run.find(f"{W}rPr")
        if (told := is_on(properties, "vanish")) is not None:
            return told
        return by_paragraph or (properties is not None and self._style(properties.find(f"{W}rStyle")))

    def _style(self, named: Any) -> bool:
        return named is not None and named.get(VALUE) in self._hidden


def _text(node: Any) -> str | None:
    """Of a character or text; None for other elements."""
    if node.tag in (f"{W}t", f"{M}t"):
        return node.text or ""
    if node.tag in _SPACES:
        return " "
    if node.tag == f"{W}noBreakHyphen":
        return "-"
    return _symbol(node) if node.tag == f"{W}sym" else None


def _symbol(node: Any) -> str:
    """The character of a font of symbols; "" for a glyph that has no other."""
    try:
        code = int(node.get(f"{W}char", ""), 16)
    except ValueError:
        return ""
    font = str(node.get(f"{W}font", "")).lower()
    if font == "symbol":
        return _SYMBOL.get(code & 0xFF, "")
    if font.endswith("dings"):
        return _WINGDINGS.get(code & 0xFF, "") if font == "wingdings" else ""
    return storable(chr(code - 0xF000 if code in _PRIVATE else code)) if 0 <= code <= 0xFFFF else ""
