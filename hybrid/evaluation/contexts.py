"""The contexts of a diagnosis: what is put into the prompt under each arm and passage order, for any system."""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hybrid.answering.excerpt import contains_answer
from hybrid.artifacts import sha256_json
from hybrid.evaluation.questions import oracles
from hybrid.types import Arm, Passage, Question


@dataclass(frozen=True, slots=True)
class Context:
    """Passages in the order in which they are shown; ids in `keep` (oracles) may not be dropped to fit."""

    arm: Arm
    order: int
    passages: Sequence[Passage]
    keep: frozenset[str] = frozenset()


def contexts(
    question: Question,
    found: Sequence[Passage],
    noise: Sequence[Passage],
    passages: Mapping[str, Passage],
    ids: Sequence[str],
    *,
    k: int,
    orders: int,
    seed: int,
    arms: Collection[Arm] = frozenset(Arm),
    reprompted: Sequence[Passage] | None = None,
    reworded: bool = False,
) -> Iterator[Context]:
    """Every context of `arms`. `found` is the ranking, `noise` the one that distractors come from, `reprompted` the one
    under another query prompt, without which there is no such arm, as there is no arm `reworded` without `reworded`;
    `passages` hold the gold, `ids` are theirs in a fixed order. Which arms and orders there are does not depend on the
    rankings.

    Unanswerable questions have the arms `retrieved`, `reworded` and `irrelevant` only. Order 0 of `retrieved` is the
    retriever's.
    """
    if Arm.RETRIEVED in arms:
        for order in range(orders):
            yield Context(Arm.RETRIEVED, order, _shuffled(found[:k], question, order, seed))
    if Arm.REWORDED in arms and reworded:
        for order in range(orders):
            yield Context(Arm.REWORDED, order, _shuffled(found[:k], question, order, seed))
    if Arm.IRRELEVANT in arms:
        yield Context(Arm.IRRELEVANT, 0, irrelevant(question, passages, ids, k, seed))
    if not question.answerable:
        return
    if gold := oracles(question, passages):
        keep = frozenset(passage.id for passage in gold)
        if Arm.ORACLE_IN_DISTRACTORS in arms:
            others = [passage for passage in noise if passage.id not in question.positives]
            padded = [*gold, *others[: max(0, k - len(gold))]]
            if {passage.id for passage in padded} == {passage.id for passage in found[:k]}:
                # nothing to repair: the same orders as above, all but one of which are then asked already
                padded = list(found[:k])
            for order in range(orders):
                # order 0 is shuffled too: gold always first would be kinder than any retriever
                yield Context(Arm.ORACLE_IN_DISTRACTORS, order, _shuffled(padded, question, order + 1, seed), keep)
        if Arm.ORACLE in arms:
            for order in range(orders if len(gold) > 1 else 1):
                yield Context(Arm.ORACLE, order, _shuffled(gold, question, order, seed), keep)
    if Arm.REPROMPTED in arms and reprompted is not None:
        for order in range(orders):
            yield Context(Arm.REPROMPTED, order, _shuffled(reprompted[:k], question, order, seed))
    if Arm.CLOSED_BOOK in arms:
        yield Context(Arm.CLOSED_BOOK, 0, ())


def irrelevant(
    question: Question, passages: Mapping[str, Passage], ids: Sequence[str], num: int, seed: int
) -> list[Passage]:
    """Up to `num` passages drawn from `ids` whose documents hold no gold passage, without an answer in them."""
    near = {passages[id_].document_id or id_ for id_ in question.positives if id_ in passages}
    named = question.answers if question.answer_type in ("span", "number", "api_call") else ()
    rng = random.Random(sha256_json([seed, question.id, "irrelevant"]))
    found: list[Passage] = []
    # far more draws than needed; in a corpus of one document there is nothing to find
    for _ in range(50 * num):
        passage = passages[ids[rng.randrange(len(ids))]]
        holds_answer = any(contains_answer(passage.full_text, answer) for answer in named)
        if (passage.document_id or passage.id) not in near and passage not in found and not holds_answer:
            found.append(passage)
        if len(found) == num:
            break
    return found


def _shuffled(passages: Sequence[Passage], question: Question, order: int, seed: int) -> list[Passage]:
    """Order 0 as given; the others drawn by seed, question and number, so that a rerun asks the same prompts."""
    mixed = list(passages)
    if order:
        random.Random(sha256_json([seed, question.id, order])).shuffle(mixed)
    return mixed
