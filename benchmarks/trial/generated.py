"""Real answers of a healthy system and of the same system under each fault at full dose, kept as one line a question.

Lines hold verdicts, never texts: `{"run", "id", "cluster", "answerable", "indexed", "rank", "suspect", "arms"}`, and
`reprompted_rank` where another query prompt was tried, `chose_form` where another form of the generator's. An arm
maps to one string an order: `c` correct, `a` abstained, `g` gold in context, `m` cites something, `h` cites the gold,
and the score where it is neither 0 nor 1.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from benchmarks.trial.faults import FAULTS, System
from hybrid.answering.excerpt import contains_answer
from hybrid.answering.pipeline import Pipeline
from hybrid.evaluation.arms import run_arms
from hybrid.evaluation.prompt_forms import ChosenForm, form_trial
from hybrid.evaluation.query_prompts import TriedPrompt, tried_prompts, worth_asking
from hybrid.evaluation.records import Record
from hybrid.evaluation.suspects import suspect_label
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.lifecycle.workspace import Workspace
from hybrid.protocols import Prompted
from hybrid.types import Arm, Hit, Outcome, Question

ORDERS = 3
LEAST = 30
"""Healthy questions below which a system is no subject."""
MOST = 100
"""Questions of a system that are asked under every fault."""
PORTION = 200
"""Questions that are tried at once."""
SHORTEST = 3
"""Letters of an answer that can be cut through."""
HEALTHY = "healthy"
REPROMPTED = "healthy, with the query prompt tried under: "
"""Of healthy answers with the prompt that a fault's run was tried with, the fault's name behind it."""
REWORDED = "healthy, in the prompt form tried under: "
"""Of healthy answers in the form that a fault's run was tried with, the fault's name behind it."""
AGAIN = ("healthy again", "healthy once more")
"""The healthy system under other passage orders."""
_ARMS = frozenset({Arm.RETRIEVED, Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE, Arm.REPROMPTED, Arm.REWORDED})
_RESAMPLES = 2_000
_SHORT = {
    Arm.RETRIEVED: "R",
    Arm.ORACLE_IN_DISTRACTORS: "D",
    Arm.ORACLE: "O",
    Arm.CLOSED_BOOK: "C",
    Arm.IRRELEVANT: "X",
    Arm.REPROMPTED: "P",
    Arm.REWORDED: "W",
}
_LONG = {short: arm for arm, short in _SHORT.items()}


@dataclass(frozen=True)
class Runs:
    """Records by run and question id; `suspects` are the questions flagged in the run with corrupted gold answers."""

    records: dict[str, dict[str, Record]]
    suspects: frozenset[str]


def generate(workspace: Workspace, splits: Sequence[str], file: Path) -> None:
    """Ask the healthy questions of `splits`, sought in this order, under every fault.

    The answers are cached, so that a killed run goes on.
    """
    scratch = workspace.root / "trial"
    scratch.mkdir(parents=True, exist_ok=True)
    questions = workspace.passages().questions
    pool = [question for split in splits for question in questions if question.split == split]
    pipeline = workspace.pipeline("tuned")
    whole = System(pipeline, tuple(pool), workspace, scratch)
    whole = whole.with_generator(workspace.generator("tuned"))
    answerable, unanswerable = _healthy(whole)
    click.echo(f"  healthy: {len(answerable)} answerable and {len(unanswerable)} unanswerable questions", err=True)
    if len(answerable) < LEAST:
        click.echo(f"  fewer than {LEAST}: this system answers too little to put a fault into it", err=True)
        return
    healthy, silent = replace(whole, questions=answerable), replace(whole, questions=unanswerable)
    seed = workspace.config.seed
    rows = [*_rows(HEALTHY, _ask(healthy, seed)), *_rows(HEALTHY, _ask(silent, seed))]
    for number, name in enumerate(AGAIN, start=1):
        # the best of the other prompts whether or not it is better: how often chance alone proves one is to be counted
        rows += _rows(name, _ask(healthy, seed + number, reprompted=_tried(healthy)[0].ranking))
    for fault in FAULTS:
        subject = silent if fault.family == "abstention" else healthy
        if not subject.questions:
            continue
        click.echo(f"▸ {fault.name}", err=True)
        faulty = fault.inject(subject)
        better, form = worth_asking(_tried(faulty)), _form(faulty)
        records = _ask(faulty, seed, reprompted=better.ranking if better else (), reworded=form)
        if better:
            click.echo(f"  another query prompt ranks the gold higher: {better.prompt!r} {better.gain}", err=True)
            rows += _rows(
                REPROMPTED + fault.name,
                _ask(healthy, seed, {Arm.REPROMPTED}, reprompted=_ranking(_with_prompt(healthy, better.prompt))),
            )
        if form:
            click.echo(f"  another prompt form answers more of the sample: {form.form.named}", err=True)
            sound = replace(form, pipeline=_in_form(healthy, form))
            rows += _rows(REWORDED + fault.name, _ask(healthy, seed, {Arm.REWORDED}, reworded=sound))
        rows += _rows(fault.name, records, _suspects(faulty, records) if fault.family == "labels" else frozenset())
    write_jsonl(file, rows)


def read(file: Path) -> Runs:
    """What `generate` wrote."""
    records: dict[str, dict[str, Record]] = {}
    suspects = set()
    for _, row in read_jsonl(file):
        records.setdefault(row["run"], {})[row["id"]] = _decode(row)
        if row["suspect"]:
            suspects.add(row["id"])
    return Runs(records, frozenset(suspects))


def _healthy(system: System) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """Questions that are right under every arm and order, and unanswerable ones that are declined; at most `MOST`.

    Sought portion by portion until there are enough, and in stages, for most questions fail in the first. The gold
    passage holds the answer word by word, so that it can be cut or replaced.
    """
    passages, seed = system.pipeline.passages, system.workspace.config.seed
    literal = [
        q
        for q in system.questions
        if q.answerable
        and len(q.answers[0]) >= SHORTEST
        and any(contains_answer(passages[p].full_text, q.answers[0]) for p in q.positives if p in passages)
    ]
    silent = [question for question in system.questions if not question.answerable]
    stages = (({Arm.RETRIEVED}, 1), ({Arm.ORACLE}, 1), (_ARMS, ORDERS))
    return _sought(system, literal, stages, seed), _sought(system, silent, (({Arm.RETRIEVED}, ORDERS),), seed)


def _sought(
    system: System, candidates: Sequence[Question], stages: Sequence[tuple[set[Arm] | frozenset[Arm], int]], seed: int
) -> tuple[Question, ...]:
    found: list[Question] = []
    for start in range(0, len(candidates), PORTION):
        left = list(candidates[start : start + PORTION])
        for arms, orders in stages:
            records = _ask(replace(system, questions=tuple(left)), seed, arms, orders)
            right = {r.question_id for r in records if r.outcomes and all(o.correct for o in r.outcomes)}
            left = [question for question in left if question.id in right]
        found += left
        click.echo(f"  {start + PORTION} tried, {len(found)} healthy", err=True)
        if len(found) >= MOST:
            break
    return tuple(found[:MOST])


def _ask(
    system: System,
    seed: int,
    arms: Iterable[Arm] = _ARMS,
    orders: int = ORDERS,
    reprompted: Sequence[Sequence[Hit]] = (),
    reworded: ChosenForm | None = None,
) -> list[Record]:
    if not system.questions:
        return []
    return run_arms(
        system.pipeline,
        system.questions,
        _ranking(system),
        orders=orders,
        seed=seed,
        arms=frozenset(arms),
        reprompted=reprompted,
        reworded=reworded,
    )


def _with_prompt(system: System, prompt: str) -> System:
    embedder = system.pipeline.embedder
    assert isinstance(embedder, Prompted)
    return replace(system, pipeline=replace(system.pipeline, embedder=embedder.with_query_prompt(prompt)))


def _ranking(system: System) -> list[list[Hit]]:
    depth = system.pipeline.config.retrieval.depth
    return system.pipeline.retrieve([question.question for question in system.questions], depth)


def _tried(system: System) -> list[TriedPrompt]:
    seed = system.workspace.config.seed
    return tried_prompts(system.pipeline, system.questions, _ranking(system), resamples=_RESAMPLES, seed=seed)


def _form(system: System) -> ChosenForm | None:
    """The form that the diagnosis would try on all questions."""
    trial = form_trial(system.pipeline, system.questions, seed=system.workspace.config.seed)
    return trial.best(system.pipeline, system.questions, _ranking(system)) if trial else None


def _in_form(system: System, chosen: ChosenForm) -> Pipeline:
    return replace(system.pipeline, config=chosen.form.of(system.pipeline.config))


def _suspects(system: System, records: Sequence[Record]) -> frozenset[str]:
    passages = system.pipeline.passages
    texts = {q.id: [passages[p].full_text for p in q.positives if p in passages] for q in system.questions}
    return frozenset(r.question_id for r in records if suspect_label(r, texts[r.question_id]))


def _rows(run: str, records: Iterable[Record], suspects: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    return [
        {
            "run": run,
            "id": record.question_id,
            "cluster": record.cluster,
            "answerable": record.answerable,
            "indexed": record.gold_in_index,
            "rank": record.gold_rank,
            **({"reprompted_rank": record.reprompted_rank} if record.of(Arm.REPROMPTED) else {}),
            **({"chose_form": True} if record.chose_form else {}),
            "suspect": record.question_id in suspects,
            "arms": {_SHORT[arm]: [_flags(outcome) for outcome in record.of(arm)] for arm in Arm if record.of(arm)},
        }
        for record in records
    ]


def _flags(outcome: Outcome) -> str:
    tests = (
        ("c", outcome.correct),
        ("a", outcome.abstained),
        ("g", outcome.gold_in_context),
        ("m", bool(outcome.cited)),
        ("h", outcome.cited_gold > 0),
    )
    score = "" if outcome.score == float(outcome.correct) else f"{outcome.score:.2f}"
    return "".join(letter for letter, holds in tests if holds) + score


def _decode(row: Mapping[str, Any]) -> Record:
    outcomes = tuple(
        _outcome(row["id"], _LONG[short], order, flags)
        for short, orders in row["arms"].items()
        for order, flags in enumerate(orders)
    )
    return Record(
        row["id"],
        "",
        row["cluster"],
        row["answerable"],
        row["indexed"],
        row["rank"],
        outcomes,
        reprompted_rank=row.get("reprompted_rank"),
        chose_form=row.get("chose_form", False),
    )


def _outcome(question: str, arm: Arm, order: int, flags: str) -> Outcome:
    letters, score = re.fullmatch(r"([a-z]*)([\d.]*)", flags).groups()
    correct = "c" in letters
    return Outcome(
        question_id=question,
        arm=arm,
        order=order,
        score=float(score or correct),
        correct=correct,
        abstained="a" in letters,
        gold_in_context="g" in letters,
        text="",
        cited=("cited",) if "m" in letters else (),
        cited_gold=int("h" in letters),
    )
