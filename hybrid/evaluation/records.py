"""What the attribution reads: one question with its outcomes under every arm and passage order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hybrid.types import Arm, Outcome


@dataclass(frozen=True, slots=True)
class Record:
    """A question of the evaluation set, answered.

    `cluster` is the first gold passage's id, or the question's where it has none: questions with the same one are
    not independent. `gold_in_index` says that a passage of the index holds the gold text (None: not recorded),
    `gold_rank` at which rank (from 1) of the deep ranking the best one stands, None where it is not in it; `half_ranks`
    holds the same of the
    rankings `dense` and `lexical` where the deep one is fused of these, `reprompted_rank` the same under another query
    prompt. `chose_form`: the question was in the sample by which the form of the arm `reworded` was chosen, so that it
    cannot judge it.
    """

    question_id: str
    topic: str
    cluster: str
    answerable: bool
    gold_in_index: bool | None
    gold_rank: int | None
    outcomes: tuple[Outcome, ...]
    half_ranks: Mapping[str, int | None] = field(default_factory=dict, hash=False)
    reprompted_rank: int | None = None
    chose_form: bool = False

    def of(self, arm: Arm) -> tuple[Outcome, ...]:
        """The outcomes under an arm, one an order; empty where the arm was not run."""
        return tuple(outcome for outcome in self.outcomes if outcome.arm is arm)

    def accuracy(self, arm: Arm) -> float | None:
        """Share of orders answered correctly, in [0, 1]; None where the arm was not run."""
        outcomes = self.of(arm)
        return sum(outcome.correct for outcome in outcomes) / len(outcomes) if outcomes else None

    def correct(self, arm: Arm) -> bool:
        """Correct in most orders; a tie is a failure, and so is an arm that was not run."""
        return majority([outcome.correct for outcome in self.of(arm)])

    @property
    def gold_in_context(self) -> bool | None:
        """Whether the system as it stands was given the gold, in most orders; None where that was not recorded."""
        return gold_shown_in(self.of(Arm.RETRIEVED))

    @property
    def miscited(self) -> bool | None:
        """Right with the gold in view, citing something, but never the gold; None where that cannot be told.

        By the retriever's own order: the answer that a person reads.
        """
        first = next((o for o in self.of(Arm.RETRIEVED) if o.order == 0), None)
        if first is None or not (self.answerable and first.correct and first.gold_in_context and first.cited):
            return None
        return first.cited_gold == 0

    @property
    def over_refusal(self) -> bool:
        """Declined to answer although the gold was there, in most orders."""
        refusals = [outcome.abstained and outcome.gold_in_context is True for outcome in self.of(Arm.RETRIEVED)]
        return self.answerable and majority(refusals)


def gold_shown_in(outcomes: Sequence[Outcome]) -> bool | None:
    """Whether the gold was in most of the contexts; None where that was not recorded of all."""
    votes = [outcome.gold_in_context for outcome in outcomes]
    return None if None in votes else majority([bool(vote) for vote in votes])


def majority(votes: Sequence[bool]) -> bool:
    """More than half."""
    return 2 * sum(votes) > len(votes)


def check_records(records: Sequence[Record]) -> None:
    """Raise `ValueError` where the attribution lacks an arm: retrieved always, both oracle arms for indexed gold."""
    seen: set[str] = set()
    for record in records:
        if record.question_id in seen:
            raise ValueError(f"question {record.question_id} occurs twice")
        seen.add(record.question_id)
        arms = {outcome.arm for outcome in record.outcomes}
        needed = {Arm.RETRIEVED}
        if record.answerable and record.gold_in_index is not False:
            needed |= {Arm.ORACLE_IN_DISTRACTORS, Arm.ORACLE}
        if needed - arms:
            raise ValueError(f"question {record.question_id} lacks the arms {sorted(needed - arms)}")
