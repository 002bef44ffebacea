"""Rows of results.json found and written as cells of a table."""

from typing import Any

Row = dict[str, Any]


def find(rows: list[Row], name: str, metric: str, system: str) -> Row | None:
    """The row of a figure, None where it was not measured."""
    wanted = (name, metric, system)
    return next((row for row in rows if (row["set"], row["metric"], row["system"]) == wanted), None)


def cell(row: Row | None, *, signed: bool = False) -> str:
    """Value and interval; a dash where it was not measured."""
    if row is None:
        return "–"
    value, low, high = (number(row[key], signed=signed) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def number(value: float, *, signed: bool = False) -> str:
    """Three places, without the zero before the point."""
    text = f"{value:+.3f}" if signed else f"{value:.3f}"
    return text.replace("0.", ".", 1).replace("-", "−")
