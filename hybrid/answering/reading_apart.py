"""Passages read one at a time: each gives an answer of its own, and the one with the most support is kept.

A small reader is confused by several passages, and each alone tells its source by itself. Chains of language models
know this as map-rerank.
"""

from collections.abc import Sequence
from dataclasses import replace

from hybrid.answering.citations import read_answer
from hybrid.answering.grounding import Policy, ground
from hybrid.answering.prompt import FittedContext
from hybrid.answering.sources import Similar
from hybrid.types import Answer, Generation, Withheld

FIRST = 2
"""Passages that are read before the others."""
_ENOUGH = 1.55
"""Support of an answer of theirs with which the others are left unread. At 1.6, before cosines were corrected for
chance, none of 50 dev questions was answered otherwise than from all, and a third fewer passages were read."""
_RANK = 0.02
"""What a rank further down costs, against answers with as much support."""
_SURENESS = 0.5
"""What a nat of mean log-probability is worth here, beside what it is worth in the support."""


def best_reading(
    question: str, generations: Sequence[Generation], context: FittedContext, policy: Policy, similar: Similar
) -> Answer:
    """Of one generation for each of the first passages of the context, or for all, the best as the answer to the
    question, with its source.

    What bears an answer out comes first, an answer that declines last; between those, support and how sure the model
    was. The answer's markers count all passages of the context.
    """
    read = [
        ground(
            read_answer(generation.text, [passage], shown=[shown], guard=False),
            question,
            [passage],
            policy,
            logprob=generation.logprob,
            similar=similar,
            before=place,
        )
        for place, (generation, passage, shown) in enumerate(
            zip(generations, context.passages, context.shown, strict=False)
        )
    ]

    def worth(place: int) -> tuple[bool, bool, float]:
        answer, sure = read[place], generations[place].logprob or 0.0
        borne_out = answer.reason in (None, Withheld.OFF_TOPIC)
        return not answer.abstained, borne_out, answer.support + _SURENESS * sure - _RANK * place

    return replace(
        read[max(range(len(read)), key=worth)],
        context=tuple(passage.id for passage in context.passages),
        shown=context.shown,
        dropped=tuple(passage.id for passage in context.dropped),
    )


def is_enough(answer: Answer) -> bool:
    """Whether an answer of the first passages is borne out so well that the others need not be read."""
    return not answer.abstained and answer.reason is None and answer.support >= _ENOUGH
