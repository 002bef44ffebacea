"""hybrid review"""

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybrid.cli import show
from hybrid.cli.options import json_option, open_workspace, workspace_options

if TYPE_CHECKING:
    from hybrid.review.merge import Reviewed

_SHOWN = 20

_file = click.argument("file", type=click.Path(path_type=Path))
_majority = click.option(
    "--majority", is_flag=True, help="Let more than half of a question's reviewers settle what they dispute."
)


@click.group()
def review() -> None:
    """Have people read questions beside their passages; labels are kept apart from the data.

    \b
    Example:
      hybrid review status indexes/pumps/synth/free.jsonl
    """


@review.command()
@_file
@workspace_options
@click.option("--reviewer", envvar="USER", default=None, help="Whose labels these are. [default: $USER]")
@click.option(
    "--port",
    default=0,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port of 127.0.0.1; 0: any that is free.",
)
@click.option("--no-open", is_flag=True, help="Open no browser: only print the address.")
@click.option(
    "--sample",
    "num_sampled",
    default=None,
    type=click.IntRange(1),
    help="Only so many, drawn by `seed`: the same for every reviewer.",
)
@click.option("--disputed", is_flag=True, help="Only those on which reviewers disagree.")
@json_option
def serve(
    file: Path,
    reviewer: str | None,
    port: int,
    no_open: bool,
    num_sampled: int | None,
    disputed: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Serve a page on this machine to accept, edit or reject the questions of FILE by keyboard; Ctrl+C ends it.

    Labels go to `reviews/` in the workspace, each at once; the same command goes on where you stopped. Nobody sees
    what others decided.

    \b
    Example:
      hybrid review serve indexes/pumps/synth/free.jsonl --reviewer anna
    """
    from hybrid.errors import UserError
    from hybrid.review.evidence import Shelf
    from hybrid.review.labels import check_reviewer, labels_folder, open_log, read_reviews
    from hybrid.review.question_file import read_items, sample
    from hybrid.review.server import ReviewServer
    from hybrid.review.session import Session
    from hybrid.review.verdicts import Status, verdicts

    name = check_reviewer(reviewer)
    workspace = open_workspace(**options)
    items = read_items(file)
    folder = labels_folder(workspace.root, file)
    if disputed:
        found = verdicts(items, read_reviews(folder, items))
        items = [verdict.item for verdict in found if verdict.status is Status.DISPUTED]
        if not items:
            raise UserError("nothing is disputed", "leave --disputed out to review all questions")
    if num_sampled is not None:
        items = sample(items, num_sampled, seed=workspace.config.seed)
    with workspace.lock():
        passages = workspace.passages()
        shelf = Shelf(passages.passages, passages.same_as)
    path = folder / f"{name}.jsonl"
    with (
        open_log(path) as log,
        ReviewServer(Session(items, log, shelf), file=file.name, reviewer=name, port=port) as server,
    ):
        if as_json:
            told = {"url": server.url, "reviewer": name, "questions": len(items), "labels": str(path)}
            show.as_json(told)
        else:
            click.echo(server.url)
            show.note(f"{len(items)} questions for {name}; Ctrl+C ends, each decision is saved at once")
        sys.stdout.flush()
        if not no_open and _has_windows():
            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            counts = server.session.overview()["counts"]
            show.note(f"\n{sum(counts.values())} of {len(items)} reviewed: {path}\nnext: hybrid review status {file}")


@review.command()
@_file
@workspace_options
@_majority
@json_option
def status(file: Path, majority: bool, as_json: bool, **options: Any) -> None:
    """Who has reviewed how much of FILE, how far they agree (Cohen's kappa), and what they dispute.

    \b
    Example:
      hybrid review status indexes/pumps/synth/free.jsonl
    """
    from hybrid.review.verdicts import Status

    reviewed = _read(file, majority, options)
    summary = reviewed.summary()
    disputed = {
        verdict.item.question.id: {name: label.decision.value for name, label in verdict.labels.items()}
        for verdict in reviewed.verdicts
        if verdict.status is Status.DISPUTED
    }
    if as_json:
        show.as_json({"file": str(file), **summary, "disputed": disputed})
        return
    _print(summary)
    for identity, decisions in list(disputed.items())[:_SHOWN]:
        click.echo(f"disputed: {identity} ({', '.join(f'{name}: {what}' for name, what in decisions.items())})")
    if len(disputed) > _SHOWN:
        click.echo(f"… and {len(disputed) - _SHOWN} more: --json lists them all")
    if not reviewed.reviews:
        click.echo(f"next: hybrid review serve {file}")
    elif disputed:
        click.echo(f"next: hybrid review serve {file} --disputed")
    else:
        click.echo(f"next: hybrid review merge {file} --out reviewed.jsonl")


@review.command()
@_file
@workspace_options
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Question file to write; never overwritten."
)
@_majority
@click.option("--keep-unreviewed", is_flag=True, help="Keep what nobody has reviewed, or not as it now stands.")
@json_option
def merge(file: Path, out: Path, majority: bool, keep_unreviewed: bool, as_json: bool, **options: Any) -> None:
    """Write what reviewers accepted or edited of FILE to a new file, and beside it who they were.

    Rejected and disputed questions are left out.

    \b
    Example:
      hybrid review merge indexes/pumps/synth/free.jsonl --out reviewed.jsonl
    """
    from hybrid.review.merge import merge_reviews, review_path

    told = merge_reviews(_read(file, majority, options), out, majority=majority, keep_unreviewed=keep_unreviewed)
    if as_json:
        show.as_json({**told, "path": str(out), "review": str(review_path(out))})
        return
    _print(told)
    click.echo(f"{out}: {told['written']} of {told['questions']} questions; who reviewed them: {review_path(out)}")


def _read(file: Path, majority: bool, options: dict[str, Any]) -> "Reviewed":
    from hybrid.review.merge import read_reviewed

    workspace = open_workspace(**options, reads_corpus=False)
    config = workspace.config
    return read_reviewed(
        file, workspace.root, majority=majority, resamples=config.evaluation.resamples, seed=config.seed
    )


def _print(summary: dict[str, Any]) -> None:
    columns = ("name", "reviewed", "accept", "edit", "reject", "stale", "gone")
    if summary["reviewers"]:
        rows = [[str(one[column]) for column in columns] for one in summary["reviewers"]]
        show.table(["reviewer", *columns[1:]], rows)
    if summary["agreement"]:
        rows = [
            [" and ".join(p["reviewers"]), str(p["same"]["num"]), show.interval(p["same"]), show.interval(p["kappa"])]
            for p in summary["agreement"]
        ]
        show.table(["reviewers", "questions of both", "same decision", "Cohen's kappa"], rows)
    counts = ", ".join(f"{num} {name}" for name, num in summary["counts"].items() if num)
    click.echo(f"{summary['questions']} questions: {counts}")
    if summary["reasons"]:
        reasons = ", ".join(f"{num} {name.replace('_', ' ')}" for name, num in summary["reasons"].items())
        click.echo(f"rejected for: {reasons}")


def _has_windows() -> bool:
    """Whether a browser would open beside the terminal, not in it."""
    return sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


COMMANDS = {"review": review}
