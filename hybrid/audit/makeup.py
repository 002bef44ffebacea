"""What a set of questions is made of: cases, groups, shapes of answers, lengths. Shares to look at, no faults."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.answer_format import shape
from hybrid.types import Question

CASES = ("golden", "edge", "failure")
SMALL_SHARE = 0.05
SMALL_GROUP = 10
"""A group with a smaller share, or fewer questions, is not seen in a mean, whatever happens to it."""
_BOUNDS = (5, 10, 15, 20, 30, 50)
"""Words up to which a question falls into a bin of the histogram."""


@dataclass(frozen=True)
class Group:
    """`small`: too few questions to see what the group gets."""

    name: str
    questions: int
    share: float
    small: bool


@dataclass(frozen=True)
class Makeup:
    """`unanswerable`: share by split. `cases`: questions by tag, untagged ones under "not tagged". `shapes`: by answer
    type, how many first answers have which shape. `words`: bins of words, in order, with how many questions have them.
    """

    unanswerable: dict[str, float]
    cases: dict[str, int]
    groups: tuple[Group, ...]
    shapes: dict[str, dict[str, int]]
    words: tuple[tuple[str, int], ...]

    @property
    def notes(self) -> list[str]:
        """What a person should know of it."""
        told = []
        tagged = {case: count for case, count in self.cases.items() if case != "not tagged"}
        if not tagged:
            told.append(
                'No question is tagged: add "case": "golden", "edge" or "failure" to see whether the hard cases are in.'
            )
        elif absent := [case for case in CASES if case not in tagged]:
            told.append(f"No question is tagged {' or '.join(absent)}: nobody sees what happens there.")
        for split, share in self.unanswerable.items():
            if split != "train" and share == 0:
                told.append(f"In {split} every question has an answer: nobody sees whether answers are invented.")
        if small := [group for group in self.groups if group.small]:
            some = "; ".join(f"{group.name} {group.questions} ({100 * group.share:.1f} %)" for group in small[:5])
            told.append(
                f"{len(small)} of {len(self.groups)} groups have under {100 * SMALL_SHARE:.0f} % or under "
                f"{SMALL_GROUP} questions, too few to see how they fare: {some}"
            )
        return told


def measure_makeup(questions: Sequence[Question]) -> Makeup:
    """Of the questions of all splits."""
    splits = sorted({question.split for question in questions})
    of = {split: [question for question in questions if question.split == split] for split in splits}
    sizes = Counter(question.group for question in questions if question.group)
    shapes: dict[str, Counter[str]] = {}
    for question in questions:
        if question.answerable and question.answers:
            shapes.setdefault(question.answer_type, Counter())[shape(question.answers[0])] += 1
    return Makeup(
        unanswerable={split: sum(not q.answerable for q in own) / len(own) for split, own in of.items()},
        cases=dict(Counter(question.case or "not tagged" for question in questions).most_common()),
        groups=tuple(_group(name, count, sizes.total()) for name, count in sizes.most_common()),
        shapes={kind: dict(found.most_common()) for kind, found in sorted(shapes.items())},
        words=_words([len(question.question.split()) for question in questions]),
    )


def _group(name: str, count: int, total: int) -> Group:
    share = count / total
    return Group(name, count, share, small=share < SMALL_SHARE or count < SMALL_GROUP)


def _words(lengths: Sequence[int]) -> tuple[tuple[str, int], ...]:
    bins, low = [], 0
    for high in _BOUNDS:
        bins.append((f"{low + 1}–{high}", sum(low < length <= high for length in lengths)))
        low = high
    bins.append((f"over {low}", sum(length > low for length in lengths)))
    return tuple(bins)
