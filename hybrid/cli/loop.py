"""hybrid loop"""

from typing import Any

import click

from hybrid.cli import show
from hybrid.cli.options import force_option, json_option, open_workspace, workspace_options

_TABLE = (
    "ndcg@10",
    "recall@5",
    "answer_score",
    "answer_correct",
    "served_correct",
    "citation_precision",
    "citation_recall",
    "abstention",
    "over_refusal",
    "withheld",
    "general",
)


@click.command()
@workspace_options
@force_option
@json_option
def loop(force: bool, as_json: bool, **options: Any) -> None:
    """Everything in order: index, evaluate, diagnose, train-embed, index, train-raft, merge, evaluate, diagnose.

    Killed and called again, it goes on where it stopped; what is up to date is not run again.

    \b
    Example:
      hybrid loop --corpus corpora/pumps --config pumps
    """
    from hybrid.lifecycle.loop import run_loop

    workspace = open_workspace(**options)
    with workspace.lock():
        result = run_loop(workspace, show.note, force=force)
    if as_json:
        show.as_json(
            {"rows": result.rows, "verdicts": result.verdicts, "seconds": result.seconds, "report": str(result.report)}
        )
        return
    split = workspace.config.evaluation.split
    print_comparison(result.rows, f"Before and after on {split}, 95 % intervals", only=_TABLE)
    click.echo(f"diagnosis before: {result.verdicts['before']}")
    click.echo(f"diagnosis after:  {result.verdicts['after']}")
    click.echo(f"\nreport: {result.report}")


def print_comparison(rows: list[dict[str, Any]], title: str, only: tuple[str, ...] = ()) -> None:
    """Before, after and paired gain, a metric a line."""
    shown = [row for row in rows if not only or row["name"] in only]
    show.table(
        ["", "before", "after", "gain"],
        [
            [
                row["metric"],
                show.interval(row["before"]),
                show.interval(row["after"]),
                show.interval(row["gain"], signed=True),
            ]
            for row in shown
        ],
        title,
    )


COMMANDS = {"loop": loop}
