"""hybrid prompt"""

from collections.abc import Mapping
from typing import Any

import click

from hybrid.cli import show
from hybrid.cli.options import json_option, open_workspace, workspace_options


@click.command()
@workspace_options
@click.option(
    "--budget",
    default="",
    metavar="N|MINUTESm",
    help="Answers at most (600), or minutes by a measured answer (20m). [default: what the rounds take]",
)
@json_option
def prompt(budget: str, as_json: bool, **options: Any) -> None:
    """Choose the form of the prompt and the number of worked examples by what dev is served; keep what is not beaten.

    Forms times 0, 3 and 10 examples answer a few dev questions, the better half twice as many, the last two and the
    present prompt all. `answering.style: auto` adopts the choice. Killed, it goes on where it stopped.

    \b
    Example:
      hybrid prompt --corpus corpora/pumps --budget 200
      hybrid query --corpus corpora/pumps --set answering.style=auto "How tight are the tie rods of the H20?"
    """
    from hybrid.lifecycle.prompt import choose
    from hybrid.prompting.choice import Budget

    allowed = Budget.parse(budget) if budget else Budget()
    workspace = open_workspace(**options)
    with workspace.lock():
        manifest = choose(workspace, allowed, show.note)
    facts = manifest.facts
    if as_json:
        show.as_json({**facts, "counts": manifest.counts, "path": str(workspace.root / "prompt")})
        return
    rows = [
        [
            _name(row) + (" (present)" if row["gain"] is None else ""),
            str(row["questions"]),
            show.interval(row["score"]),
            show.interval(row["gain"], signed=True),
            "–" if row["low"] is None else f"{row['low']:+.3f}",
            str(row["tokens"]),
        ]
        for row in sorted(facts["candidates"], key=lambda row: (-row["questions"], -row["score"]["value"]))
    ]
    columns = ["prompt", "questions", "right, as served", "gain over present", "at least, of all", "tokens"]
    show.table(columns, rows, f"{manifest.counts['answers']} answers, 95 % intervals")
    for line in _verdict(facts):
        click.echo(line)
    if left := sum(row["examples_left_out"] for row in facts["candidates"]):
        show.note(f"note: {left} worked examples did not fit the model's window (generator.window_tokens)")


def _verdict(facts: Mapping[str, Any]) -> list[str]:
    """What dev says, and what to do."""
    chosen = {"style": facts["style"], "examples": facts["examples"]}
    if not facts["proven"]:
        best = max(facts["candidates"], key=lambda row: row["gain"]["value"] if row["low"] is not None else -1.0)
        told = "Nothing is proven better: the present prompt stays."
        if best["low"] is None:
            return [told]
        return [f"{told} The best other, {_name(best)}, gains {show.interval(best['gain'], signed=True)}."]
    return [
        f"Proven better: {_name(chosen)}.",
        "Adopt it with --set answering.style=auto, or by name:",
        f"  --set answering.style={facts['style']} --set answering.examples={facts['examples']}",
    ]


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['style']}, {row['examples']} examples" if row["examples"] else str(row["style"])


COMMANDS = {"prompt": prompt}
