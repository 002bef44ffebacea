"""The default prompt on public sets: are sources of right answers right, is the gold among other passages read rightly.

python -m benchmarks.prompts --data FOLDER [--model NAME_OR_FOLDER …] [--questions 100]
"""

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks import results, run
from benchmarks.own import MODELS, RESAMPLES, SYSTEM, folders_of, label, record, tell, workspace
from benchmarks.served import citation_figures, judge, measured, reply_of_answer
from hybrid.answering.pipeline import Pipeline, Request
from hybrid.artifacts import sha256_json
from hybrid.cli.main import set_up_libraries
from hybrid.evaluation.figure import ratio
from hybrid.lifecycle.workspace import Workspace
from hybrid.types import Passage, Question

COMMAND = "make bench-prompts"
SETS = ("squad2_dev", "nq_gold")
READ_AMONG = ("squad2_dev",)
"""Sets whose gold passage is also shown among others, whatever retrieval finds."""
OTHERS = 2
CONTEXT_TOKENS = 2048
"""Of a prompt with the gold and the others, which no passage may be left out of."""
CITATIONS = citation_figures("citation/")
READ = ratio("prompt/right/gold+others", lambda r: r["correct"], lambda r: 1.0)
ECHO = ratio("prompt/echo", lambda r: r["echo"], lambda r: 1.0)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the public sets.")
@click.option("--model", "models", multiple=True, default=MODELS[:1], show_default=True, help="Name or folder.")
@click.option("--questions", "num_questions", default=100, show_default=True, help="A fixed sample; 0: all.")
@click.option("--print-only", is_flag=True, help="Leave results and page as they are.")
def main(data: Path, models: tuple[str, ...], num_questions: int, print_only: bool) -> None:
    """Ask answerable test questions under the default configuration, write the rows and the page."""
    set_up_libraries()
    folders_of(models)
    rows: list[dict[str, Any]] = []
    for name in run.there(data, SETS):
        for model in models:
            rows += _rows(name, data / name, model, num_questions)
    tell(rows)
    if rows and not print_only:
        asked = {(row["set"], row["system"]) for row in rows}
        record(COMMAND, rows, [row for row in results.load() if (row["set"], row["system"]) not in asked])


def _rows(name: str, corpus: Path, model: str, num_questions: int) -> list[dict[str, Any]]:
    started = time.perf_counter()
    root = run.INDEXES / f"bench-prompts-{name}"
    found = workspace(corpus, f"generator.model={model}", root=root)
    with found.lock():
        found.index(SYSTEM)
    pipeline = found.pipeline(SYSTEM)
    seed = found.config.seed
    asked = drawn(found.passages().questions, num_questions, seed)
    hits = pipeline.retrieve([question.question for question in asked])
    retrieved = _judged(pipeline, asked, [pipeline.lookup(row) for row in hits])
    system = f"hybrid, {label(model)}"
    draws: dict[str, int] = {"resamples": RESAMPLES, "seed": seed}
    told = measured(CITATIONS, {system: retrieved}, **draws)
    among: list[dict[str, Any]] = []
    if name in READ_AMONG:
        shown = gold_and_others(_by_words(found), asked, pipeline, seed)
        among = _judged(_with_room(pipeline), asked, shown)
        told += measured([READ], {system: among}, **draws)
    told += measured([ECHO], {system: [*retrieved, *among]}, **draws)
    minutes = round((time.perf_counter() - started) / 60, 1)
    stamp: dict[str, Any] = {"of": name, "split": "test", "seed": seed, "minutes": minutes, "command": COMMAND}
    return [results.make_row(metric, side, value, **stamp) for metric, side, value in told]


def drawn(questions: Sequence[Question], num: int, seed: int) -> list[Question]:
    """A fixed sample of the answerable test questions, in file order; all where `num` is 0."""
    wanted = [question for question in questions if question.split == "test" and question.answerable]
    if not num or num >= len(wanted):
        return wanted
    keep = sorted(random.Random(seed).sample(range(len(wanted)), num))
    return [wanted[place] for place in keep]


def _judged(pipeline: Pipeline, asked: Sequence[Question], shown: Sequence[list[Passage]]) -> list[dict[str, Any]]:
    answers = pipeline.answer([Request(q.question, passages) for q, passages in zip(asked, shown, strict=True)])
    return [judge(reply_of_answer(q, a, pipeline.passages), q) for q, a in zip(asked, answers, strict=True)]


def _with_room(pipeline: Pipeline) -> Pipeline:
    """The same, but no passage of `gold_and_others` is dropped to fit."""
    generator = pipeline.config.generator
    room = generator.model_copy(update={"context_tokens": max(CONTEXT_TOKENS, generator.context_tokens)})
    return replace(pipeline, config=pipeline.config.model_copy(update={"generator": room}))


def _by_words(found: Workspace) -> Pipeline:
    """The same passages ranked by BM25."""
    retrieval = found.config.retrieval.model_copy(update={"mode": "lexical"})
    by_words = Workspace(found.root, found.corpus, found.config.model_copy(update={"retrieval": retrieval}))
    with by_words.lock():
        by_words.index(SYSTEM)
    return by_words.pipeline(SYSTEM)


def gold_and_others(
    by_words: Pipeline, asked: Sequence[Question], pipeline: Pipeline, seed: int
) -> list[list[Passage]]:
    """For each question its first gold passage and the best of the wrong ones, in an order drawn by seed."""
    contexts = []
    depth = OTHERS + max(len(question.positives) for question in asked)
    for question, hits in zip(asked, by_words.retrieve([q.question for q in asked], depth), strict=True):
        wrong = [hit for hit in hits if hit.passage_id not in question.positives][:OTHERS]
        together = [pipeline.passages[question.positives[0]], *pipeline.lookup(wrong)]
        random.Random(sha256_json([seed, question.id])).shuffle(together)
        contexts.append(together)
    return contexts


if __name__ == "__main__":
    sys.exit(main())
