"""Elements of WordprocessingML: which are shown, in their order, whatever they are wrapped in."""

import re
from collections.abc import Collection, Iterator
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
VALUE = f"{W}val"
_TEXTS = (f"{W}t", f"{M}t")
_NOT_SHOWN = frozenset(
    f"{W}{name}"
    for name in (
        *("del", "moveFrom", "delText", "delInstrText", "ffData", "rt"),
        *("pPr", "rPr", "sdtPr", "sdtEndPr", "tblPr", "tblPrEx", "tblGrid", "trPr", "tcPr", "sectPr"),
    )
)
"""What change tracking has deleted or moved away, readings above characters, and properties."""
_DIGITS = re.compile(r"\d{1,9}")


def inside(root: Any, wanted: Collection[str]) -> Iterator[Any]:
    """Elements of the tags that are wanted, in their order and through whatever is around them; not those inside
    them."""
    stack = shown(root)
    while stack:
        element = stack.pop()
        if element.tag in wanted:
            yield element
        else:
            stack += shown(element)


def shown(element: Any) -> list[Any]:
    """The children that a reader of the page sees, the last first, as a stack takes them."""
    if element.tag in _NOT_SHOWN or (element.tag == f"{W}sdt" and _is_contents(element)):
        return []
    if element.tag == f"{_COMPATIBLE}AlternateContent":
        # the same, written for newer and for older programs
        return next(([one] for one in element if next(one.iter(*_TEXTS), None) is not None), element[:1])
    return list(element[::-1])


def _is_contents(control: Any) -> bool:
    """Whether a content control is the table of contents, which repeats the headings."""
    gallery = control.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
    return gallery is not None and gallery.get(VALUE) == "Table of Contents"


def is_on(properties: Any, name: str) -> bool | None:
    """What a switch of properties says; None where it is not there."""
    found = properties.find(f"{W}{name}") if properties is not None else None
    return None if found is None else found.get(VALUE) not in ("0", "false", "off")


def number(properties: Any, name: str, *, most: int, default: int = 0) -> int:
    """A number of properties, at most `most`; `default` where it is none."""
    found = properties.find(f"{W}{name}") if properties is not None else None
    text = "" if found is None else str(found.get(VALUE, ""))
    return min(int(text), most) if _DIGITS.fullmatch(text) else (most if text.isdigit() else default)
