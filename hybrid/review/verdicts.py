"""What all reviewers together say of each question."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hybrid.review.labels import Decision, Label, Review
from hybrid.review.question_file import Item


class Status(StrEnum):
    """Where a question stands. Stale: it was reviewed, but its record has changed since."""

    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    DISPUTED = "disputed"
    STALE = "stale"
    UNREVIEWED = "unreviewed"


_STATUS = {Decision.ACCEPT: Status.ACCEPTED, Decision.EDIT: Status.EDITED, Decision.REJECT: Status.REJECTED}


@dataclass(frozen=True)
class Verdict:
    """A question's status, the labels that count by reviewer, and the one that prevails where one does."""

    item: Item
    status: Status
    labels: Mapping[str, Label]
    label: Label | None = None


def verdicts(items: Sequence[Item], reviews: Sequence[Review], *, majority: bool = False) -> list[Verdict]:
    """The verdict on each item.

    Two edits agree where question and answers are the same, two rejections whatever their reasons. An item on which
    reviewers do not agree is disputed, unless `majority` lets more than half of those who reviewed it decide.
    """
    return [_verdict(item, reviews, majority=majority) for item in items]


def _verdict(item: Item, reviews: Sequence[Review], *, majority: bool) -> Verdict:
    name = item.question.id
    labels = {review.reviewer: review.labels[name] for review in reviews if name in review.labels}
    if not labels:
        stale = any(name in review.stale for review in reviews)
        return Verdict(item, Status.STALE if stale else Status.UNREVIEWED, labels)
    votes = Counter((label.decision, label.question, label.answers) for label in labels.values())
    vote, num = votes.most_common(1)[0]
    if num < len(labels) and not (majority and 2 * num > len(labels)):
        return Verdict(item, Status.DISPUTED, labels)
    chosen = next(label for label in labels.values() if (label.decision, label.question, label.answers) == vote)
    return Verdict(item, _STATUS[chosen.decision], labels, chosen)
