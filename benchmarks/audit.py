"""Faults planted in a clean set of questions, and how many of them the audit finds.

python -m benchmarks.audit [--seeds 5]
"""

import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from benchmarks import page, results
from benchmarks.trial.faults import other_answer
from hybrid.audit.checks import run_checks
from hybrid.audit.findings import Finding, Kind
from hybrid.cli.main import set_up_libraries
from hybrid.cli.options import open_workspace
from hybrid.evaluation.statistics import wilson
from hybrid.types import Question

COMMAND = "make bench-audit"
CORPUS = Path("corpora") / "pumps"
SHARE = 0.05
"""Of the questions, for each kind of fault."""
KINDS = (Kind.DUPLICATE, Kind.CONTRADICTION, Kind.LEAK, Kind.WRONG_GOLD, Kind.FORMAT)
_LEADS = ("Please tell me: ", "Quick one – ", "Hi, ", "Just to be sure: ", "Could you tell us, ")
_TAILS = (" Thanks.", " It is urgent.", " Please.", "")


@click.command()
@click.option("--seeds", default=5, show_default=True, help="Draws of the faults.")
def main(seeds: int) -> None:
    """Plant each kind of fault in 5 % of the bundled questions, audit, count; rows go to results.json and the page."""
    set_up_libraries()
    workspace = open_workspace(CORPUS, Path("configs") / "pumps.yaml", (), None)
    workspace.root.mkdir(parents=True, exist_ok=True)
    with workspace.lock():
        passages = workspace.passages()
    hits = dict.fromkeys(KINDS, 0)
    planted_num, flagged_num, true_num = dict(hits), dict(hits), dict(hits)
    for seed in range(seeds):
        questions, planted = plant(passages.questions, seed)
        findings = run_checks(questions, passages.by_id)
        for kind in KINDS:
            found = {finding.question for finding in findings if finding.kind is kind}
            wanted = planted[kind]
            planted_num[kind] += len(wanted)
            hits[kind] += len(wanted & found)
            flagged_num[kind] += len(found)
            # the second of two contradicting questions was given an answer that its passage does not hold
            also = planted[Kind.CONTRADICTION] if kind is Kind.WRONG_GOLD else set()
            true_num[kind] += len(found & (wanted | also | _beside(findings, kind, wanted)))
    stamp = {"of": CORPUS.name, "split": "all", "seed": 0, "minutes": 0.0, "command": COMMAND}
    rows = []
    for kind in KINDS:
        name = kind.value.lower().replace("_", "-")
        rows.append(results.make_row(f"audit/recall/{name}", "hybrid", wilson(hits[kind], planted_num[kind]), **stamp))
        rows.append(
            results.make_row(f"audit/precision/{name}", "hybrid", wilson(true_num[kind], flagged_num[kind]), **stamp)
        )
    results.record_rows(COMMAND, rows)
    page.write()
    for row in rows:
        click.echo(f"{row['metric']:32} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}] n {row['n']}")


def plant(questions: Sequence[Question], seed: int) -> tuple[list[Question], dict[Kind, set[str]]]:
    """The questions with faults of every kind, and the ids that are faulty by kind. No question has two faults."""
    rng = random.Random(seed)
    usable = [q for q in questions if q.answerable and q.answers and q.answer_type in ("span", "number")]
    num = round(SHARE * len(questions))
    # a leak needs a question of train
    train = [q for q in usable if q.split == "train"]
    leaked = rng.sample(train, num)
    taken = {question.id for question in leaked}
    rest = rng.sample([q for q in usable if q.id not in taken], 4 * num)
    parts = {kind: rest[i * num : (i + 1) * num] for i, kind in enumerate(k for k in KINDS if k is not Kind.LEAK)}
    made: dict[Kind, list[Question]] = {Kind.LEAK: [_reworded(q, rng, "leak", split="test") for q in leaked]}
    made[Kind.DUPLICATE] = [_reworded(q, rng, "duplicate") for q in parts[Kind.DUPLICATE]]
    made[Kind.CONTRADICTION] = [
        replace(_reworded(q, rng, "contradiction"), answers=(other_answer(q, questions, 0),))
        for q in parts[Kind.CONTRADICTION]
    ]
    changed: dict[str, Question] = {}
    change: dict[Kind, Callable[[Question], Question]] = {
        Kind.WRONG_GOLD: lambda q: replace(q, answers=(other_answer(q, questions, 1),)),
        Kind.FORMAT: lambda q: replace(
            q, answers=(f"According to the sheet it is {q.answers[0]}, as far as we know.",)
        ),
    }
    for kind, alter in change.items():
        changed |= {question.id: alter(question) for question in parts[kind]}
    planted = {kind: {question.id for question in group} for kind, group in made.items()}
    planted |= {kind: {question.id for question in parts[kind]} for kind in change}
    whole = [changed.get(question.id, question) for question in questions]
    return [*whole, *(question for group in made.values() for question in group)], planted


def _reworded(question: Question, rng: random.Random, what: str, **changes: str) -> Question:
    """The same question as another person would send it: greeting, thanks, letter case, a slip of the pen."""
    text = question.question.strip()
    style = rng.randrange(4)
    if style in (0, 3):
        lead = rng.choice(_LEADS)
        text = f"{lead}{text[0].lower() if text[1:2].islower() else text[0]}{text[1:]}"
    if style in (1, 3):
        text = f"{text}{rng.choice(_TAILS)}"
    if style == 2:
        words = text.split()
        long = [i for i, word in enumerate(words) if len(word) > 5 and word.isalpha()]
        if long:
            place = rng.choice(long)
            middle = len(words[place]) // 2
            words[place] = words[place][:middle] + words[place][middle + 1 :]
        text = " ".join(words).rstrip("?")
    return replace(question, id=f"{question.id}-{what}", question=text, **changes)


def _beside(findings: Sequence[Finding], kind: Kind, wanted: set[str]) -> set[str]:
    """Questions that are found beside a planted one: of a pair that contradicts itself both are told."""
    return {f.question for f in findings if f.kind is kind and wanted & set(f.others)}


if __name__ == "__main__":
    sys.exit(main())
