"""The ladder of `hybrid evaluate --ladder` on a terminal."""

from collections.abc import Mapping
from typing import Any

import click

from hybrid.cli import show
from hybrid.evaluation.ladder import prompt_name, verdict_line


def print_ladder(ladder: Mapping[str, Any]) -> None:
    """A line a rung, the notes, and what is left out with the reason."""
    rows = []
    for row in ladder["rungs"]:
        timed = ladder["seconds"].get(row["name"], {})
        best = " *" if ladder["chosen"] and row["name"] == ladder["best"] else ""
        rows.append(
            [
                f"{row['name']}{best}",
                prompt_name(row),
                show.interval(row["served"]),
                show.interval(row["right"]),
                row["against"] or "–",
                f"{show.interval(row['gain'], signed=True)} {_VERDICTS[row['verdict']] if row['gain'] else ''}".strip(),
                f"{row['prompt_tokens']:.0f} + {row['new_tokens']:.0f}",
                f"{timed['median']:.2f}" if timed else "–",
            ]
        )
    columns = ["rung", "prompt", "right, as served", "before the guard", "against", "gain", "tokens", "s"]
    title = f"The ladder on {ladder['split']}, {ladder['rungs'][0]['questions']} questions, 95 % intervals"
    show.table(columns, rows, title)
    star = "* the best untuned rung by dev; " if ladder["chosen"] else ""
    click.echo(f"{star}tokens are those read + written a question")
    for note in ladder["notes"]:
        click.echo(f"note: {note}")
    for name, why in ladder["left_out"].items():
        click.echo(f"not shown: {name} ({why})")
    click.echo(f"ladder: {ladder['path']}/report.html")


def print_against_untuned(ladder: Mapping[str, Any] | None, system: str) -> None:
    """What tuning serves beside the best untuned rung, or how to find out; nothing for the base."""
    if system == "base":
        return
    line = verdict_line(ladder, system) if ladder else None
    if line:
        click.echo(line)
    else:
        show.note(f"note: `{_COMMAND}` holds the tuned system against the best prompt with nothing tuned")


_COMMAND = "hybrid evaluate --ladder"
_VERDICTS = {"better": "better", "worse": "worse", "unclear": "(unclear)"}
