"""hybrid audit"""

import itertools
import json
from pathlib import Path
from typing import Any, get_args

import click

from hybrid.audit.requirements import Method
from hybrid.cli import show
from hybrid.cli.options import json_option, open_workspace, workspace_options
from hybrid.jsonl import read_jsonl

_WORST = 10


@click.command()
@workspace_options
@click.option(
    "--for",
    "--method",
    "methods",
    type=click.Choice(get_args(Method)),
    multiple=True,
    default=("embedder", "raft"),
    show_default=True,
    help="What the data are to be used for; may be repeated.",
)
@click.option(
    "--closed-book",
    type=click.IntRange(min=0),
    default=None,
    metavar="N",
    help="Ask the generator N of the questions without passages (0: all); what it knows by heart judges no retriever.",
)
@click.option("--strict", is_flag=True, help="Exit with 2 where the data are not ready.")
@json_option
def audit(methods: tuple[Method, ...], closed_book: int | None, strict: bool, as_json: bool, **options: Any) -> None:
    """Look for what spoils a tuning before it starts: too few, duplicates, contradictions, leaks, wrong gold answers.

    A cleaned set is written beside the report, with what was left out and why; nothing of the corpus is changed.

    \b
    Example:
      hybrid audit --corpus corpora/pumps
    """
    from hybrid.lifecycle.audit import audit_workspace

    workspace = open_workspace(**options)
    with workspace.lock():
        audit_workspace(workspace, methods, closed_book=closed_book)
    path = workspace.root / "audit"
    told = json.loads((path / "audit.json").read_text(encoding="utf-8"))
    if as_json:
        show.as_json({**told, "report": str(path / "report.html"), "proposed": str(path / "proposed")})
    else:
        _print(told, path)
    if strict and not told["ready"]:
        raise SystemExit(2)


def _print(told: dict[str, Any], path: Path) -> None:
    click.echo(f"{told['sentence']}\n")
    for note in told["notes"]:
        click.echo(f"note: {note}")
    rows = [[r["what"], f"{r['have']:g}", f"{r['need']:g}", r["verdict"], r["advice"]] for r in told["requirements"]]
    show.table(["", "have", "need", "", "what to do"], rows)
    if told["kinds"]:
        rows = [[kind, str(count), told["meanings"][kind]] for kind, count in told["kinds"].items()]
        show.table(["found", "questions", ""], rows)
    for _, row in itertools.islice(read_jsonl(path / "worst.jsonl"), _WORST):
        click.echo(f"{row['id']} ({row['split']}): {row['question']}")
        for finding in row["findings"]:
            click.echo(f"  {finding['kind']}: {finding['detail']}")
    if told["num_dropped"]:
        click.echo(f"\nproposed set, {told['num_dropped']} questions left out: {path / 'proposed'}")
    click.echo(f"report: {path / 'report.html'}")


COMMANDS = {"audit": audit}
