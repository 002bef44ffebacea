"""Printing: results on stdout, everything else on stderr; no control character reaches either (`hybrid.terminal`)."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from hybrid.controls import one_line, visible, visible_json
from hybrid.errors import shortened
from hybrid.types import Interval


def note(text: str) -> None:
    """A line for the person who waits."""
    click.echo(shortened(text), err=True)


_MOST_WARNINGS = 20


_SKIPPED = ": skipped, "
_ALIKE = 3
"""Files or lines skipped for one reason that are told in one line."""


def warnings(told: Sequence[str], path: Path) -> None:
    """The first of them on stderr, what is skipped for one reason together; all are in the manifest at `path`."""
    lines = _grouped(told)
    for text in lines[:_MOST_WARNINGS]:
        note(f"warning: {one_line(text)}")
    if len(lines) > _MOST_WARNINGS:
        note(f"warning: … and {len(lines) - _MOST_WARNINGS} more in {path / 'manifest.json'}")
    elif len(lines) < len(told):
        note(f"all of them: {path / 'manifest.json'}")


def _grouped(told: Sequence[str]) -> list[str]:
    skipped: dict[str, list[str]] = {}
    for text in told:
        source, is_skipped, reason = text.partition(_SKIPPED)
        if is_skipped:
            skipped.setdefault(reason, []).append(source)
    out = []
    for text in told:
        source, is_skipped, reason = text.partition(_SKIPPED)
        alike = skipped.get(reason, []) if is_skipped else []
        if len(alike) < _ALIKE:
            out.append(text)
        elif source == alike[0]:
            out.append(f"{len(alike)} × skipped, {reason} (first: {source})")
    return out


def as_json(value: object) -> None:
    """One JSON document on stdout; NaN becomes null, control characters are escaped, other text stays readable."""
    click.echo(visible_json(json.dumps(_plain(value), indent=1, ensure_ascii=False)))


def interval(value: Interval | Mapping[str, Any] | None, *, signed: bool = False) -> str:
    """`.512 [.430, .590]`, or a dash where it is not defined."""
    if value is None:
        return "–"
    if isinstance(value, Interval):
        value = {"value": value.value, "low": value.low, "high": value.high}
    if value["value"] is None or math.isnan(value["value"]):
        return "–"
    form = "{:+.3f}" if signed else "{:.3f}"
    if value["low"] is None or math.isnan(value["low"]):
        return form.format(value["value"])
    return f"{form.format(value['value'])} [{form.format(value['low'])}, {form.format(value['high'])}]"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", *, wrap: bool = False) -> None:
    """A table on stdout: figures flush right, or with `wrap` the last column as running text."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=one_line(title) or None, box=box.SIMPLE_HEAD, title_justify="left")
    for number, column in enumerate(columns):
        running = wrap and number == len(columns) - 1
        shown.add_column(one_line(column), justify="left" if wrap or number == 0 else "right", no_wrap=not running)
    for row in rows:
        # what is escaped later would be wider than rich has counted
        shown.add_row(*map(visible, row))
    # a pipe has no width: long cells must come whole there, too
    Console(highlight=False, markup=False, color_system=None, width=max(160, Console().width)).print(shown)


def _plain(value: object) -> object:
    if isinstance(value, Interval):
        return _plain({"value": value.value, "low": value.low, "high": value.high, "num": value.num})
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
