"""Passages read one at a time: each gives an answer of its own, and the one with the most support is kept.

A small reader is confused by several passages, and each alone tells its source by itself. Chains of language models
know this as map-rerank.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from hybrid.answering.citations import read_answer
from hybrid.answering.grounding import Policy, ground
from hybrid.answering.prompt import FittedContext
from hybrid.answering.sources import Similar
from hybrid.types import Answer, Generation, Passage, Withheld

MOST = 4
"""Passages that are read. On dev of three sets (130 questions) eight gave no more right answers."""
_ENOUGH = 1.55
"""Support of an answer with which the passages after it are left unread."""
_RANK = 0.02
"""What a rank further down costs, against answers with as much support."""
_SURENESS = 0.5
"""What a nat of mean log-probability is worth here, beside what it is worth in the support."""


@dataclass(frozen=True)
class Reading:
    """The answer that one passage gives. `place`: of the passage in the context, from 0."""

    answer: Answer
    place: int
    logprob: float | None

    @property
    def is_enough(self) -> bool:
        """Whether the answer is borne out so well that the passages after it need not be read."""
        return not self.answer.abstained and self.answer.reason is None and self.answer.support >= _ENOUGH

    @property
    def worth(self) -> tuple[bool, bool, float]:
        """By which the best is kept: what bears an answer out comes first, an answer that declines last; between those,
        support and how sure the model was.
        """
        borne_out = self.answer.reason in (None, Withheld.OFF_TOPIC)
        sure = _SURENESS * (self.logprob or 0.0)
        return not self.answer.abstained, borne_out, self.answer.support + sure - _RANK * self.place


def passages_to_read(passages: Sequence[Passage], keep: Collection[str]) -> list[Passage]:
    """The first `MOST`, in their order; those whose ids are in `keep` among them, however far behind they stand."""
    kept = [passage.id for passage in passages if passage.id in keep]
    others = [passage.id for passage in passages if passage.id not in keep][: max(0, MOST - len(kept))]
    chosen = {*kept, *others}
    return [passage for passage in passages if passage.id in chosen]


def read_passage(
    question: str, generation: Generation, context: FittedContext, place: int, policy: Policy, similar: Similar
) -> Reading:
    """What the model made of the passage at `place` of the context. The answer's markers count all passages."""
    passage, shown = context.passages[place], context.shown[place]
    answer = ground(
        read_answer(
            generation.text,
            [passage],
            shown=[shown],
            guard=False,
            question=question,
            round_too=policy.round_markers,
        ),
        question,
        [passage],
        policy,
        logprob=generation.logprob,
        similar=similar,
        before=place,
    )
    return Reading(answer, place, generation.logprob)


def best_reading(readings: Sequence[Reading], context: FittedContext) -> Answer:
    """Of the readings the one that is worth most, as the answer from the whole context."""
    return replace(
        max(readings, key=lambda reading: reading.worth).answer,
        context=tuple(passage.id for passage in context.passages),
        shown=context.shown,
        dropped=tuple(passage.id for passage in context.dropped),
    )
