"""hybrid synth"""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybrid.cli import show
from hybrid.cli.options import json_option, open_workspace, workspace_options

if TYPE_CHECKING:
    from hybrid.lifecycle.workspace import Workspace


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
@click.option("--teacher", is_flag=True, help="Questions with answers, written by `synth.teacher` and filtered.")
@click.option("--estimate", "only_estimate", is_flag=True, help="With --teacher: say what it would cost, and stop.")
@click.option(
    "--accept-teacher-terms",
    "accept_terms",
    is_flag=True,
    help="Go on though the teacher's licence forbids to train on what it writes: you have read its terms.",
)
@json_option
def synth(
    per_passage: int,
    designs: tuple[str, ...],
    dev_share: float,
    out: Path | None,
    teacher: bool,
    only_estimate: bool,
    accept_terms: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Training questions out of the documents: without any model, or by a teacher model under filters.

    Without --teacher: questions for the embedder from what documents say of themselves. They have no answers, train and
    judge a retriever, and are left out of everything that grades answers. With --teacher: questions with answers, of
    which few are kept where the teacher is small; every draft and every filter's decision is in the workspace's
    synth/teacher/drafts.jsonl, to be read before anything is trained on them. Answers have the form that the corpus
    folder's task.yaml asks for (`output`, answer_style, answer_words, answer_pattern, answer_schema), else the length
    and form of the dev questions' own answers.

    Put the file into the corpus folder's `questions/`, where all files are read unless there is a `questions.jsonl`
    beside it.

    \b
    Example:
      hybrid synth --corpus corpora/pumps --per-passage 2
      hybrid synth --corpus corpora/pumps --teacher --estimate --set synth.num_drafts=20
    """
    if teacher:
        _by_teacher(only_estimate, accept_terms, out, as_json, options)
    elif only_estimate:
        raise click.UsageError("--estimate goes with --teacher: without a model there is nothing to pay")
    else:
        _model_free(per_passage, designs, dev_share, out, as_json, options)


def _by_teacher(
    only_estimate: bool, accept_terms: bool, out: Path | None, as_json: bool, options: dict[str, Any]
) -> None:
    from hybrid.artifacts import write_text
    from hybrid.lifecycle.synth import synthesise
    from hybrid.synth.teacher import QUESTIONS, YIELD, Estimate

    workspace = open_workspace(**options)
    estimates: list[Estimate] = []

    def told(estimate: Estimate) -> bool:
        estimates.append(estimate)
        show.note(estimate.sentence)
        return not only_estimate

    with workspace.lock():
        manifest = synthesise(workspace, told=told, accept_terms=accept_terms)
    if manifest is None:
        if as_json:
            show.as_json(asdict(estimates[0]))
        return
    path = workspace.root / "synth" / "teacher"
    target = path / QUESTIONS
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, target.read_text(encoding="utf-8"))
        write_text(out.with_name(f"{out.name}.yield.json"), (path / YIELD).read_text(encoding="utf-8"))
        target = out
    facts = manifest.facts
    if as_json:
        show.as_json({**manifest.counts, **facts, "drafts_file": str(path / "drafts.jsonl"), "path": str(target)})
        return
    rows = [
        [f["filter"], str(f["reached"]), str(f["passed"]), f"{100 * f['passed'] / max(1, f['reached']):.0f} %"]
        for f in facts["filters"]
    ]
    show.table(["filter", "reached", "passed", ""], rows, f"{facts['teacher']} as teacher ({facts['terms']})")
    click.echo(facts["answers"]["asked"])
    for what, num in facts["answers"]["dropped"].items():
        click.echo(f"dropped for the answer's form, {what}: {num}")
    show.table(["kind", "drafts", "kept"], [[k, str(v["drafts"]), str(v["kept"])] for k, v in facts["kinds"].items()])
    for note in facts["notes"]:
        click.echo(f"note: {note}")
    click.echo(f"{manifest.counts['questions']} of {manifest.counts['drafts']} drafts kept: {target}")
    click.echo(f"every draft with its decisions: {path / 'drafts.jsonl'}")
    if manifest.counts["questions"]:
        click.echo(f"next: hybrid review serve {target}")
        _tell_next(workspace)


def _model_free(
    per_passage: int,
    designs: tuple[str, ...],
    dev_share: float,
    out: Path | None,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    from hybrid.errors import UserError
    from hybrid.jsonl import write_jsonl
    from hybrid.synth.model_free import DESIGNS, make_questions
    from hybrid.synth.record import made_record

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
    write_jsonl(target, (made_record(question, ready=ready) for question in made))
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
    _tell_next(workspace)


def _tell_next(workspace: "Workspace") -> None:
    folder = workspace.corpus.folder
    # the single file hides the folder
    first = "next: " + (
        f"move {folder}/questions.jsonl into {folder}/questions/, "
        if workspace.corpus.single_question_file.is_file()
        else ""
    )
    click.echo(f"{first}put the file into {folder}/questions/, then hybrid audit and hybrid train-embed")


COMMANDS = {"synth": synth}
