"""How well refusals are told from answers, and how well the grader agrees with labels; the weights of the former.

python -m benchmarks.grading [--learn] [--print-only]
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks import page, results
from benchmarks.own import tell
from hybrid.answering.citations import read_answer
from hybrid.answering.markers import without_markers
from hybrid.answering.refusals import declines, features
from hybrid.evaluation.graders import grade
from hybrid.evaluation.statistics import wilson
from hybrid.jsonl import read_jsonl
from hybrid.types import Interval, Question

COMMAND = "make bench-grading"
LABELLED = Path(__file__).parent / "labelled"
REFUSALS, TRAINING, PAIRS = "refusals.jsonl", "refusals_training.jsonl", "answer_pairs.jsonl"
FRESH = "refusals_fresh.jsonl"
WEIGHTS = Path("hybrid") / "answering" / "refusal_weights.json"
_STRENGTH = 1.0
"""Inverse strength of the L2 penalty, by cross-validation: from .3 to 3 makes no difference."""
_LEAST = 0.02
"""Smaller weights change nothing."""
_OFTEN = 4
"""Vectors, two of each line, that hold a name before it is weighed: rarer phrases are chance."""


@click.command()
@click.option("--learn", is_flag=True, help="Learn the weights of the classifier first.")
@click.option("--print-only", is_flag=True, help="Leave results and page as they are.")
def main(learn: bool, print_only: bool) -> None:
    """Measure on the test halves, by language too, and write the rows and the page."""
    if learn:
        WEIGHTS.write_text(json.dumps(learned(), indent=0, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    rows = [
        results.make_row(metric, system, value, of=of, split="test", seed=0, minutes=0.0, command=COMMAND)
        for of, metric, system, value in (*refusal_figures(), *agreement_figures())
    ]
    tell(rows)
    if not print_only:
        results.record_rows(COMMAND, rows)
        page.write()


def read(name: str, split: str = "") -> list[dict[str, Any]]:
    """The lines of a labelled set, of one half where it is named."""
    return [row for _, row in read_jsonl(LABELLED / name) if not split or row["split"] == split]


def told_refusal(row: dict[str, Any]) -> bool:
    """What the classifier says of a line."""
    return declines(without_markers(row["text"]), row.get("question", ""))


def verdict(row: dict[str, Any]) -> str:
    """What the grader says of a pair: right, wrong or refusal."""
    question = Question(
        id=row["id"],
        question=row["question"],
        answers=tuple(row["gold"]),
        positives=("gold",),
        answer_type=row["answer_type"],
    )
    answer = read_answer(row["answer"], (), guard=False, question=question.question, gold=question.answers)
    if answer.abstained:
        return "refusal"
    return "right" if grade(answer.plain, question, abstained=False).correct else "wrong"


def refusal_figures(split: str = "test") -> list[tuple[str, str, str, Interval]]:
    """Precision and recall of refusals: of a half of the first set, and of the one written after the classifier."""
    return [
        (of, f"refusal/{metric}", "hybrid", share)
        for of, name, half in (("refusals", REFUSALS, split), ("fresh refusals", FRESH, "test"))
        for metric, share in _precision_and_recall(read(name, half), "fresh-" if name == FRESH else "")
    ]


def _precision_and_recall(rows: Sequence[dict[str, Any]], prefix: str) -> list[tuple[str, Interval]]:
    pairs = [(told_refusal(row), bool(row["refusal"])) for row in rows]
    hits = sum(told and true for told, true in pairs)
    return [
        (f"{prefix}precision", wilson(hits, sum(told for told, _ in pairs))),
        (f"{prefix}recall", wilson(hits, sum(true for _, true in pairs))),
    ]


def agreement_figures(split: str = "test") -> list[tuple[str, str, str, Interval]]:
    """Agreement of the grader with the labels: of all, and by language."""
    rows = read(PAIRS, split)

    def agreement(group: Sequence[dict[str, Any]]) -> Interval:
        return wilson(sum(verdict(row) == row["label"] for row in group), len(group))

    languages = sorted({row["language"] for row in rows})
    return [
        ("answer pairs", "grader/agreement", "hybrid", agreement(rows)),
        *(
            (
                "answer pairs",
                f"grader/agreement/{name}",
                "hybrid",
                agreement([r for r in rows if r["language"] == name]),
            )
            for name in languages
        ),
    ]


def learned() -> dict[str, Any]:
    """Bias and weights by logistic regression, of every line with its question and without: its presence is no hint."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    known = {without_markers(row["text"]).casefold().strip() for row in read(REFUSALS, "test")}
    rows = [
        row
        for row in (*read(TRAINING), *read(REFUSALS, "dev"))
        if without_markers(row["text"]).casefold().strip() not in known
    ]
    plain = [without_markers(row["text"]) for row in rows]
    found = [features(text, row.get("question", "")) for text, row in zip(plain, rows, strict=True)]
    found += [features(text) for text in plain]
    often = Counter(name for each in found for name in each)
    found = [{name: value for name, value in each.items() if often[name] >= _OFTEN} for each in found]
    vectorizer = DictVectorizer()
    model = LogisticRegression(C=_STRENGTH, max_iter=5000)
    model.fit(vectorizer.fit_transform(found), [bool(row["refusal"]) for row in rows] * 2)
    names = vectorizer.get_feature_names_out()
    weights = {name: round(float(w), 3) for name, w in zip(names, model.coef_[0], strict=True) if abs(w) >= _LEAST}
    return {"bias": round(float(model.intercept_[0]), 4), "weights": weights}


if __name__ == "__main__":
    main()
