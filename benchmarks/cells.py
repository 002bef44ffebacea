"""Rows of results.json found and written as cells of a table."""

import re
from collections.abc import Sequence
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
    """Three places below 10, one below 100, else none; without the zero before the point."""
    places = 3 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    text = f"{value:{'+' if signed else ''}.{places}f}"
    return re.sub(r"^([+-]?)0\.", r"\1.", text).replace("-", "−")


def section(title: str, command: str, rows: Sequence[Row], told: str, column: str = "system") -> str:
    """A section whose rows are listed one below the other, or what to run where there are none."""
    if not rows:
        return not_measured(title, command)
    listed = (f"| {row['metric']} | {row['system']} | {cell(row, signed='−' in row['system'])} |" for row in rows)
    head = f"{told} `{command}`, {rows[0]['date']}.\n"
    return "\n".join([f"## {title}\n", head, f"| figure | {column} | value |", "|---|---|---|", *listed]) + "\n"


def not_measured(title: str, command: str) -> str:
    """A section without figures."""
    return f"## {title}\n\nNot measured yet: `{command}`.\n"
