"""The arms of a diagnosis: each question under several contexts, with the same prompt and the same budget."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from hybrid.answering.pipeline import Pipeline, Request
from hybrid.evaluation.contexts import Context, contexts
from hybrid.evaluation.graders import grade
from hybrid.evaluation.halves import gold_rank
from hybrid.evaluation.prompt_forms import ChosenForm
from hybrid.evaluation.questions import cluster_of, gold_shown
from hybrid.evaluation.records import Record
from hybrid.types import Answer, Arm, Hit, Outcome, Passage, Question


@dataclass(frozen=True)
class _Trial:
    question: Question
    context: Context
    ranking: tuple[str, ...]

    @property
    def request(self) -> Request:
        hidden = self.question.positives
        return Request(self.question.question, self.context.passages, self.context.keep, self.ranking, hidden)


def run_arms(
    pipeline: Pipeline,
    questions: Sequence[Question],
    ranking: Sequence[Sequence[Hit]],
    *,
    orders: int,
    seed: int,
    arms: Collection[Arm] = frozenset(Arm),
    noise: Sequence[Sequence[Hit]] = (),
    halves: Mapping[str, Sequence[Sequence[Hit]]] = MappingProxyType({}),
    reprompted: Sequence[Sequence[Hit]] = (),
    reworded: ChosenForm | None = None,
) -> list[Record]:
    """One record a question, with its outcomes under every arm of `arms` and every order.

    `ranking` holds each question's hits, as deep as they are to be told of; `halves` those that it was fused of.
    `noise`, where given, holds for each question the hits from which the distractors of the arm
    `oracle_in_distractors` are taken, so that systems with other retrievers are asked the same; else their own are.
    `reprompted`, where given, holds each question's hits under another query prompt; `reworded` asks in another form.
    Declining is right for unanswerable questions, and under `irrelevant` for every question. Nothing but `retrieved`,
    `reprompted`, `reworded` and `oracle_in_distractors` depends on the retriever, so that a retuned embedder leaves the
    other answers in the cache.
    """
    ids = sorted(pipeline.passages)
    trials = [
        _Trial(question, context, tuple(hit.passage_id for hit in (new if context.arm is Arm.REPROMPTED else hits)))
        for question, hits, others, new in zip(questions, ranking, noise or ranking, reprompted or ranking, strict=True)
        for context in contexts(
            question,
            pipeline.lookup(hits),
            pipeline.lookup(others),
            pipeline.passages,
            ids,
            k=pipeline.config.retrieval.k,
            orders=orders,
            seed=seed,
            arms=arms,
            reprompted=pipeline.lookup(new) if reprompted else None,
            reworded=reworded is not None,
        )
    ]
    # a form of its own is a system of its own: what is asked in it is asked apart
    apart = [trial for trial in trials if trial.context.arm is Arm.REWORDED]
    trials = [trial for trial in trials if trial.context.arm is not Arm.REWORDED]
    answers = pipeline.answer([trial.request for trial in trials])
    answers += reworded.pipeline.answer([trial.request for trial in apart]) if reworded else []
    outcomes: dict[str, list[Outcome]] = {question.id: [] for question in questions}
    for trial, answer in zip([*trials, *apart], answers, strict=True):
        outcomes[trial.question.id].append(_outcome(trial, answer, pipeline.passages))
    return [
        Record(
            question_id=question.id,
            topic=question.topic,
            cluster=cluster_of(question),
            answerable=question.answerable,
            gold_in_index=any(positive in pipeline.passages for positive in question.positives),
            gold_rank=_rank(hits, question),
            outcomes=tuple(outcomes[question.id]),
            half_ranks={name: _rank(rows[place], question) for name, rows in halves.items()},
            reprompted_rank=_rank(reprompted[place], question) if reprompted else None,
            chose_form=reworded is not None and question.id in reworded.sample,
        )
        for place, (question, hits) in enumerate(zip(questions, ranking, strict=True))
    ]


def _rank(hits: Sequence[Hit], question: Question) -> int | None:
    return gold_rank((hit.passage_id for hit in hits), question.positives)


def _outcome(trial: _Trial, answer: Answer, passages: Mapping[str, Passage]) -> Outcome:
    # the guard is a serving policy: attribution looks at what the generator itself wrote
    asked = replace(trial.question, answerable=False) if trial.context.arm is Arm.IRRELEVANT else trial.question
    cited = tuple(citation.passage_id for citation in answer.citations)
    graded = grade(answer.plain, asked, abstained=answer.abstained)
    return Outcome(
        question_id=trial.question.id,
        arm=trial.context.arm,
        order=trial.context.order,
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
