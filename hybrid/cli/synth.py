"""hybrid synth"""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from hybrid.cli import show
from hybrid.cli.options import json_option, open_workspace, workspace_options
from hybrid.types import Question


@click.command()
@workspace_options
@click.option(
    "--per-passage", default=2, show_default=True, type=click.IntRange(1), help="Questions a passage at most."
)
@click.option("--design", "designs", multiple=True, help="Only these designs, in this order; may be repeated.")
@click.option("--dev-share", default=0.15, show_default=True, type=click.FloatRange(0, 0.9), help="Of the documents.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="The question file to write; by default `synth/free.jsonl` in the workspace.",
)
@json_option
def synth(
    per_passage: int, designs: tuple[str, ...], dev_share: float, out: Path | None, as_json: bool, **options: Any
) -> None:
    """Training questions for the embedder out of the documents alone: no model, no key, no person.

    Put the file into the corpus folder's `questions/`, where all files are read unless there is a `questions.jsonl`
    beside it. The questions have no answers: they train and judge a retriever, and are left out of everything that
    grades answers.

    \b
    Example:
      hybrid synth --corpus corpora/pumps --per-passage 2
    """
    from hybrid.corpus.model_free import DESIGNS, make_questions
    from hybrid.errors import UserError
    from hybrid.jsonl import write_jsonl

    if unknown := sorted(set(designs) - set(DESIGNS)):
        raise UserError(f"no design {unknown[0]!r}", f"use any of {', '.join(DESIGNS)}")
    workspace = open_workspace(**options)
    with workspace.lock():
        passages = workspace.passages()
    made = make_questions(
        passages.passages, per_passage=per_passage, dev_share=dev_share, seed=workspace.config.seed, designs=designs
    )
    if not made:
        raise UserError("no question could be made of these documents", "raise --per-passage, or allow more designs")
    target = out or workspace.root / "synth" / "free.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    ready = workspace.corpus.ready_passages.is_file()
    write_jsonl(target, (_row(question, ready=ready) for question in made))
    kinds, splits = (Counter(values) for values in ([q.topic for q in made], [q.split for q in made]))
    if as_json:
        show.as_json({"questions": len(made), "designs": dict(kinds), "splits": dict(splits), "path": str(target)})
        return
    rows = [
        [name, str(kinds[name]), " | ".join(q.question for q in made if q.topic == name)[:100]]
        for name in DESIGNS
        if kinds[name]
    ]
    show.table(["design", "questions", "for example"], rows)
    click.echo(", ".join(f"{count} {split}" for split, count in sorted(splits.items())) + f": {target}")
    folder = workspace.corpus.folder
    # the single file hides the folder
    first = (
        f"move {folder}/questions.jsonl into {folder}/questions/, "
        if workspace.corpus.single_question_file.is_file()
        else ""
    )
    click.echo(f"next: {first}put the file into {folder}/questions/, then hybrid audit and hybrid train-embed")


def _row(question: Question, *, ready: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": question.id,
        "question": question.question,
        "answers": [],
        "split": question.split,
        "topic": question.topic,
    }
    if ready:
        return {**row, "positives": list(question.positives)}
    # ids change when documents are cut otherwise, quotes do not
    return {**row, "evidence": [{"source": part.source, "quote": part.quote} for part in question.evidence]}


COMMANDS = {"synth": synth}
