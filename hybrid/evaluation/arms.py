"""The arms of a diagnosis: each question under several contexts, with the same prompt and the same budget."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from hybrid.answering.excerpt import contains_answer
from hybrid.answering.pipeline import Pipeline, Request
from hybrid.artifacts import sha256_json
from hybrid.evaluation.graders import grade
from hybrid.evaluation.questions import cluster_of, gold_shown, oracles
from hybrid.evaluation.records import Record
from hybrid.types import Answer, Arm, Hit, Outcome, Passage, Question


@dataclass(frozen=True)
class _Trial:
    question: Question
    arm: Arm
    order: int
    request: Request


def run_arms(
    pipeline: Pipeline,
    questions: Sequence[Question],
    ranking: Sequence[Sequence[Hit]],
    *,
    orders: int,
    seed: int,
    arms: Collection[Arm] = frozenset(Arm),
    noise: Sequence[Sequence[Hit]] = (),
) -> list[Record]:
    """One record a question, with its outcomes under every arm of `arms` and every order.

    `ranking` holds each question's hits, as deep as they are to be told of.
    `noise`, where given, holds for each question the hits from which the distractors of the arm
    `oracle_in_distractors` are taken, so that systems with other retrievers are asked the same; else their own are.
    Unanswerable questions have the arms `retrieved` and `irrelevant` only, where declining is right; so it is under
    `irrelevant` for every question. Order 0 of `retrieved` is the retriever's own. Nothing but `retrieved` and
    `oracle_in_distractors` depends on the retriever, so that a retuned embedder leaves the other answers in the cache.
    """
    ids = sorted(pipeline.passages)
    trials = [
        trial
        for question, hits, others in zip(questions, ranking, noise or [()] * len(questions), strict=True)
        for trial in _trials(pipeline, question, hits, others, ids, orders, seed)
        if trial.arm in arms
    ]
    answers = pipeline.answer([trial.request for trial in trials])
    outcomes: dict[str, list[Outcome]] = {question.id: [] for question in questions}
    for trial, answer in zip(trials, answers, strict=True):
        outcomes[trial.question.id].append(_outcome(trial, answer, pipeline.passages))
    return [
        Record(
            question_id=question.id,
            topic=question.topic,
            cluster=cluster_of(question),
            answerable=question.answerable,
            gold_in_index=any(positive in pipeline.passages for positive in question.positives),
            gold_rank=next((hit.rank for hit in hits if hit.passage_id in question.positives), None),
            outcomes=tuple(outcomes[question.id]),
        )
        for question, hits in zip(questions, ranking, strict=True)
    ]


def _trials(
    pipeline: Pipeline,
    question: Question,
    hits: Sequence[Hit],
    noise: Sequence[Hit],
    ids: Sequence[str],
    orders: int,
    seed: int,
) -> list[_Trial]:
    k = pipeline.config.retrieval.k
    ranking = tuple(hit.passage_id for hit in hits)

    def trial(arm: Arm, order: int, passages: Sequence[Passage], keep: frozenset[str] = frozenset()) -> _Trial:
        return _Trial(question, arm, order, Request(question.question, passages, keep, ranking))

    retrieved = pipeline.lookup(hits[:k])
    trials = [trial(Arm.RETRIEVED, order, _shuffled(retrieved, question, order, seed)) for order in range(orders)]
    trials.append(trial(Arm.IRRELEVANT, 0, irrelevant(question, pipeline.passages, ids, k, seed)))
    if not question.answerable:
        return trials
    gold = oracles(question, pipeline.passages)
    closed_book = trial(Arm.CLOSED_BOOK, 0, ())
    if not gold:
        return [*trials, closed_book]
    others = [passage for passage in pipeline.lookup(noise or hits) if passage.id not in question.positives]
    padded = [*gold, *others[: max(0, k - len(gold))]]
    keep = frozenset(passage.id for passage in gold)
    for order in range(orders):
        # order 0 is shuffled too: gold always first would be kinder than any retriever
        mixed = _shuffled(padded, question, order + 1, seed)
        trials.append(trial(Arm.ORACLE_IN_DISTRACTORS, order, mixed, keep))
    for order in range(orders if len(gold) > 1 else 1):
        trials.append(trial(Arm.ORACLE, order, _shuffled(gold, question, order, seed), keep))
    return [*trials, closed_book]


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


def _outcome(trial: _Trial, answer: Answer, passages: Mapping[str, Passage]) -> Outcome:
    # the guard is a serving policy: attribution looks at what the generator itself wrote
    asked = replace(trial.question, answerable=False) if trial.arm is Arm.IRRELEVANT else trial.question
    cited = tuple(citation.passage_id for citation in answer.citations)
    graded = grade(answer.plain, asked, abstained=answer.abstained)
    return Outcome(
        question_id=trial.question.id,
        arm=trial.arm,
        order=trial.order,
        score=graded.score,
        correct=graded.correct,
        abstained=answer.abstained,
        gold_in_context=gold_shown(trial.question, answer, passages),
        text=answer.text,
        cited=cited,
        context=answer.context,
        exact=graded.exact,
        cited_gold=sum(passage in trial.question.positives for passage in cited),
    )
