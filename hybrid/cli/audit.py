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
@click.option(
    "--pairs",
    type=click.Path(path_type=Path),
    default=None,
    help="Audit this file of pairs for an embedder (JSONL: anchor, positive, negatives) instead of the questions.",
)
@click.option(
    "--raft",
    type=click.Path(path_type=Path),
    default=None,
    help="Audit this file of examples for a generator (JSONL: prompt and completion, or messages) instead.",
)
@click.option("--strict", is_flag=True, help="Exit with 2 where the data are not ready.")
@json_option
def audit(
    methods: tuple[Method, ...],
    closed_book: int | None,
    pairs: Path | None,
    raft: Path | None,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Look for what spoils a tuning before it starts: too few, duplicates, contradictions, leaks, wrong gold answers.

    A cleaned set is written beside the report, with what was left out and why; nothing of the corpus is changed.

    \b
    Example:
      hybrid audit --corpus corpora/pumps
      hybrid audit --corpus corpora/pumps --raft indexes/pumps/raft/train.jsonl
    """
    if pairs or raft:
        told = _audit_file(pairs, raft, methods, as_json, options)
    else:
        told = _audit_questions(methods, closed_book, as_json, options)
    if strict and not told["ready"]:
        raise SystemExit(2)


def _audit_questions(
    methods: tuple[Method, ...], closed_book: int | None, as_json: bool, options: dict[str, Any]
) -> dict[str, Any]:
    from hybrid.lifecycle.audit import audit_workspace

    workspace = open_workspace(**options)
    with workspace.lock():
        audit_workspace(workspace, methods, closed_book=closed_book)
    path = workspace.root / "audit"
    told: dict[str, Any] = json.loads((path / "audit.json").read_text(encoding="utf-8"))
    if as_json:
        show.as_json({**told, "report": str(path / "report.html"), "proposed": str(path / "proposed")})
    else:
        _print(told, path)
    return told


def _audit_file(
    pairs: Path | None, raft: Path | None, methods: tuple[Method, ...], as_json: bool, options: dict[str, Any]
) -> dict[str, Any]:
    from hybrid.errors import UserError
    from hybrid.lifecycle.audit_file import audit_file

    if pairs and raft:
        raise UserError("--pairs and --raft at once", "audit one file at a time")
    workspace = open_workspace(**options)
    file, path = (pairs, workspace.root / "audit-pairs") if pairs else (raft, workspace.root / "audit-raft")
    assert file is not None
    with workspace.lock():
        audit_file(workspace, file, "pairs" if pairs else "raft", methods)
    told: dict[str, Any] = json.loads((path / "audit.json").read_text(encoding="utf-8"))
    if as_json:
        show.as_json({**told, "proposed": str(path / "proposed.jsonl")})
        return told
    _head(told, "lines")
    show.table(["figure", ""], [[name, f"{value:.3g}"] for name, value in told["figures"].items()])
    for row in told["worst"][:_WORST]:
        click.echo(f"{file.name}:{row['line']}: {row['kind']}: {row['detail']}\n  {row['text'][:150]}")
    if told["num_dropped"]:
        click.echo(f"\nproposed file, {told['num_dropped']} lines left out: {path / 'proposed.jsonl'}")
    return told


def _head(told: dict[str, Any], what: str) -> None:
    click.echo(f"{told['sentence']}\n")
    for note in told["notes"]:
        click.echo(f"note: {note}")
    rows = [[r["what"], f"{r['have']:g}", f"{r['need']:g}", r["verdict"], r["advice"]] for r in told["requirements"]]
    if rows:
        show.table(["", "have", "need", "", "what to do"], rows)
    if told["kinds"]:
        rows = [[kind, str(count), told["meanings"][kind]] for kind, count in told["kinds"].items()]
        show.table(["found", what, ""], rows)


def _print(told: dict[str, Any], path: Path) -> None:
    _head(told, "questions")
    measured = [(f"gold answers likely wrong: {item['source']}", item["share"]) for item in told["label_noise"]]
    if told["closed_book"]:
        measured.append((f"answered without passages: {told['closed_book']['source']}", told["closed_book"]["share"]))
    show.table(["share, 95 % interval", ""], [[name, show.interval(share)] for name, share in measured])
    for _, row in itertools.islice(read_jsonl(path / "worst.jsonl"), _WORST):
        click.echo(f"{row['id']} ({row['split']}): {row['question']}")
        for finding in row["findings"]:
            click.echo(f"  {finding['kind']}: {finding['detail']}")
    if told["num_dropped"]:
        click.echo(f"\nproposed set, {told['num_dropped']} questions left out: {path / 'proposed'}")
    click.echo(f"report: {path / 'report.html'}")


COMMANDS = {"audit": audit}
