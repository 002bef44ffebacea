"""Labels merged with their data by id: a new question file, and beside it who has reviewed it and how."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid.artifacts import sha256_file, write_text
from hybrid.errors import UserError
from hybrid.jsonl import write_jsonl
from hybrid.review.agreement import Agreement, agreements
from hybrid.review.labels import Decision, Review, labels_folder, read_reviews
from hybrid.review.question_file import Item, cluster_of, read_items
from hybrid.review.verdicts import Status, Verdict, verdicts
from hybrid.types import Interval


@dataclass(frozen=True)
class Reviewed:
    """A question file with everyone's labels and what follows from them."""

    file: Path
    items: Sequence[Item]
    reviews: Sequence[Review]
    verdicts: Sequence[Verdict]
    agreements: Sequence[Agreement]

    @property
    def counts(self) -> dict[str, int]:
        """Questions by status."""
        found = Counter(verdict.status for verdict in self.verdicts)
        return {status.value: found[status] for status in Status}

    def summary(self) -> dict[str, Any]:
        """Counts, reviewers, agreement and reasons of rejection, as JSON holds them."""
        rejected = [verdict.label for verdict in self.verdicts if verdict.label and verdict.label.reason]
        return {
            "questions": len(self.items),
            "counts": self.counts,
            "reasons": dict(Counter(label.reason for label in rejected)),
            "reviewers": [
                {
                    "name": review.reviewer,
                    "reviewed": len(review.labels),
                    **{decision.value: review.count(decision) for decision in Decision},
                    "stale": len(review.stale),
                    "gone": len(review.gone),
                }
                for review in self.reviews
            ],
            "agreement": [
                {"reviewers": list(pair.reviewers), "same": _plain(pair.same), "kappa": _plain(pair.kappa)}
                for pair in self.agreements
            ],
        }


def read_reviewed(file: Path, workspace: Path, *, majority: bool = False, resamples: int, seed: int) -> Reviewed:
    """A file and its labels in the workspace. Raises `InputError` where either cannot be read."""
    items = read_items(file)
    reviews = read_reviews(labels_folder(workspace, file), items)
    clusters = {item.question.id: cluster_of(item.question) for item in items}
    pairs = agreements(reviews, clusters, resamples=resamples, seed=seed)
    return Reviewed(file, items, reviews, verdicts(items, reviews, majority=majority), pairs)


def merge_reviews(reviewed: Reviewed, out: Path, *, majority: bool, keep_unreviewed: bool) -> dict[str, Any]:
    """Write `out` and `<out>.review.json`; returns what the latter holds.

    Records keep every field of theirs; edited ones have the reviewer's question and answers. Raises `UserError` where
    nothing is reviewed, nothing would be left, or a file is there already.
    """
    beside = review_path(out)
    if existing := [path for path in (out, beside) if path.exists()]:
        raise UserError(f"{existing[0]} is there already", "give --out another name: nothing is overwritten")
    if not any(review.labels for review in reviewed.reviews):
        stale = reviewed.counts["stale"]
        raise UserError(
            f"nothing of {reviewed.file} is reviewed" + (f": {stale} labels are of older records" if stale else ""),
            f"run `hybrid review serve {reviewed.file}` first",
        )
    records = list(_records(reviewed.verdicts, keep_unreviewed=keep_unreviewed))
    if not records:
        counts = ", ".join(f"{num} {name}" for name, num in reviewed.counts.items() if num)
        raise UserError(
            f"no question of {reviewed.file} would be left: {counts}", "review more, or settle the disputes"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl(out, records)
    told = {
        "file": out.name,
        "sha256": sha256_file(out),
        "written": len(records),
        "source": {"file": reviewed.file.name, "sha256": sha256_file(reviewed.file)},
        "decided_by": "majority" if majority else "consensus",
        "unreviewed_kept": keep_unreviewed,
        **reviewed.summary(),
    }
    write_text(beside, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return told


def review_path(questions: Path) -> Path:
    """Where it is told who has reviewed a question file."""
    return questions.with_name(f"{questions.name}.review.json")


def _records(found: Sequence[Verdict], *, keep_unreviewed: bool) -> Iterator[Mapping[str, Any]]:
    for verdict in found:
        label = verdict.label
        if verdict.status is Status.EDITED and label is not None:
            yield {**verdict.item.record, "question": label.question, "answers": list(label.answers)}
        elif verdict.status is Status.ACCEPTED or (
            keep_unreviewed and verdict.status in (Status.UNREVIEWED, Status.STALE)
        ):
            yield verdict.item.record


def _plain(interval: Interval) -> dict[str, Any]:
    named = {"value": interval.value, "low": interval.low, "high": interval.high}
    return {name: None if math.isnan(bound) else bound for name, bound in named.items()} | {"num": interval.num}
