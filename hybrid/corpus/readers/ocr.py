"""Pages that are pictures: their text by RapidOCR, an extra whose models come with it."""

from functools import cache
from importlib.util import find_spec
from typing import Any

from hybrid.corpus.readers.pdf_pieces import Piece

INSTALL = "install OCR with `pip install 'hybrid-rag-diagnosis[ocr]'`"
_DPI = 200
"""Of the picture that is read: letters of 8 pt are 22 pixels high."""
_LONGEST_SIDE = 4000
"""Pixels: a drawing of 2 m would take gigabytes."""
_SURE = 0.6
"""Confidence below which a line is taken for a stain."""


@cache
def installed() -> bool:
    """Whether the extra is there."""
    return find_spec("rapidocr") is not None and find_spec("onnxruntime") is not None


def recognise(page: Any) -> list[Piece]:
    """The lines of a page of pypdfium2, from top to bottom."""
    scale = min(_DPI / 72, _LONGEST_SIDE / max(page.get_size()))
    found = _engine()(page.render(scale=scale).to_numpy())
    if found.boxes is None:
        return []
    pieces = []
    for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True):
        if score >= _SURE and text.strip():
            xs, ys = [float(x) for x, _ in box], [float(y) for _, y in box]
            pieces.append(Piece(text.strip(), min(xs), -max(ys), max(xs), -min(ys), True))
    return pieces


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "critical"})
