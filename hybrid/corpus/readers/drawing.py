"""Charts and diagrams (SmartArt) that an Office file shows: titles and figures as tables, texts as lists."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from hybrid.corpus.markdown_blocks import table
from hybrid.corpus.readers.archive import parse_xml, refuse_text_above
from hybrid.corpus.readers.decoding import storable

_OFFICE = "http://schemas.openxmlformats.org"
_DRAWING = f"{{{_OFFICE}/drawingml/2006/main}}"
_CHART = f"{{{_OFFICE}/drawingml/2006/chart}}"
_DIAGRAM = f"{{{_OFFICE}/drawingml/2006/diagram}}"
_RELATION = f"{{{_OFFICE}/officeDocument/2006/relationships}}"
_NAMED_BY = {f"{_CHART}chart": f"{_RELATION}id", f"{_DIAGRAM}relIds": f"{_RELATION}dm"}
DRAWN = frozenset(_NAMED_BY)
"""Elements of a page that name a chart or a diagram."""
_MOST_SERIES = 255
"""Of a chart, as in Excel."""
_CELL_LENGTH = 3


class Drawings:
    """Reads what a page names, each once. `part_of`: the part of a relation; `max_bytes`: of text in a chart."""

    def __init__(self, part_of: Callable[[str], Any], max_bytes: int) -> None:
        self._part_of = part_of
        self._max_bytes = max_bytes
        self._seen: set[str] = set()

    def read(self, element: Any) -> Iterator[str]:
        """Blocks of a chart or a diagram, by one of `DRAWN`. Raises `UnreadableError` for a chart above the limit."""
        name = element.get(_NAMED_BY[element.tag], "")
        if name in self._seen:
            return
        self._seen.add(name)
        # a broken file may name what is not in it
        with suppress(KeyError, ValueError):
            root = parse_xml(self._part_of(name).blob)
            yield from _diagram(root) if element.tag.startswith(_DIAGRAM) else self._chart(root)

    def _chart(self, root: Any) -> Iterator[str]:
        """Title, and a row for each category; of points (x and y) a table for each series."""
        title = root.find(f"{_CHART}chart/{_CHART}title")
        if title is not None:
            yield " ".join(_lines(title)) or " ".join(_points(title).values())
        series = list(root.iter(f"{_CHART}ser"))[:_MOST_SERIES]
        by_place = [one for one in series if one.find(f"{_CHART}xVal") is None]
        for together in (by_place, *([one] for one in series if one not in by_place)):
            categories: dict[int, str] = {}
            values = []
            for one in together:
                for kind in ("cat", "xVal"):
                    for place, name in _points(one.find(f"{_CHART}{kind}")).items():
                        categories.setdefault(place, name)
                values.append(_points(one.find(f"{_CHART}val")) or _points(one.find(f"{_CHART}yVal")))
            places = sorted(set(categories).union(*values))
            refuse_text_above(_CELL_LENGTH * len(places) * len(values), self._max_bytes)
            rows = [[categories.get(n, ""), *(_figure(column.get(n, "")) for column in values)] for n in places]
            if rows:
                names = (" ".join(_points(one.find(f"{_CHART}tx")).values()) for one in together)
                yield table([["", *names], *rows])


def _diagram(root: Any) -> Iterator[str]:
    items = [f"- {line}" for point in root.iter(f"{_DIAGRAM}t") for line in _lines(point)]
    yield "\n".join(items)


def _lines(element: Any) -> Iterator[str]:
    """The text of its paragraphs."""
    for paragraph in element.iter(f"{_DRAWING}p"):
        if line := " ".join("".join(run.text or "" for run in paragraph.iter(f"{_DRAWING}t")).split()):
            yield storable(line)


def _points(element: Any) -> dict[int, str]:
    """The points that are stored, by place; of categories in levels the innermost. No count is believed."""
    if element is None:
        return {}
    level = next(element.iter(f"{_CHART}lvl"), element)
    found = ((point.get("idx", ""), point.findtext(f"{_CHART}v") or "") for point in level.iter(f"{_CHART}pt"))
    points = {int(place): text.strip() for place, text in found if place.isdecimal() and len(place) < 10}
    # a name or a value may stand without a reference to a sheet
    alone = level.findtext(f"{_CHART}v")
    return points or ({0: alone.strip()} if alone else {})


def _figure(text: str) -> str:
    try:
        return f"{float(text):.15g}"
    except ValueError:
        return text
