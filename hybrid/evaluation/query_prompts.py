"""Other prompts before the queries, by the ranks of the gold: is the one that the system uses the right one?

A model that was trained with `query: ` loses ranks without it, and one that was trained without loses them with the
words of some other model, or of the chat. Trying costs an encoding of the questions for each prompt and no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hybrid.answering.pipeline import Pipeline
from hybrid.evaluation.halves import gold_rank, reciprocal
from hybrid.evaluation.questions import cluster_of
from hybrid.evaluation.statistics import paired_interval
from hybrid.protocols import Prompted
from hybrid.types import Hit, Interval, Question


@dataclass(frozen=True, slots=True)
class TriedPrompt:
    """A prompt with the hits of every question under it, and its gain in the reciprocal rank of the first gold passage
    over the configured prompt. `is_makers`: the model's makers say it, or none where they say none.
    """

    prompt: str
    is_makers: bool
    ranking: list[list[Hit]]
    gain: Interval

    @property
    def is_better(self) -> bool:
        """Whether the ranks speak for it; whether the answers do must be asked of the generator."""
        return self.gain.low > 0


def tried_prompts(
    pipeline: Pipeline,
    questions: Sequence[Question],
    ranking: Sequence[Sequence[Hit]],
    *,
    resamples: int,
    seed: int,
) -> list[TriedPrompt]:
    """The prompts of `diagnosis.query_prompts` and of the model's makers, the one that gains most first.

    Gains are over the questions with gold in the index. Empty where there are none, where queries are not embedded, or
    where the embedder takes no prompt. `ranking` holds each question's hits under the configured prompt.
    """
    embedder, options = pipeline.embedder, pipeline.config
    judged = [place for place, q in enumerate(questions) if any(p in pipeline.passages for p in q.positives)]
    by_words_alone = pipeline.lexical is not None and pipeline.fuse is None
    if not judged or by_words_alone or not isinstance(embedder, Prompted) or not options.diagnosis.query_prompts:
        return []
    makers = embedder.model_prompts or ("",)
    prompts = dict.fromkeys((*options.diagnosis.query_prompts, *embedder.model_prompts))
    prompts.pop(embedder.query_prompt, None)
    asked = [question.question for question in questions]
    clusters = [cluster_of(questions[place]) for place in judged]
    before = [_reciprocal(ranking[place], questions[place]) for place in judged]
    found = []
    for prompt in prompts:
        other = replace(pipeline, embedder=embedder.with_query_prompt(prompt))
        hits = other.retrieve(asked, options.retrieval.depth)
        after = [_reciprocal(hits[place], questions[place]) for place in judged]
        gain = paired_interval(before, after, clusters, resamples=resamples, seed=seed)
        found.append(TriedPrompt(prompt, prompt in makers, hits, gain))
    return sorted(found, key=lambda tried: -tried.gain.value)


def worth_asking(tried: Sequence[TriedPrompt]) -> TriedPrompt | None:
    """Which of the prompts that rank the gold higher is put to the generator: the makers' where it is among them.

    Two prompts that fit differ by a rank here and there, which says nothing; what the model was trained with does.
    """
    better = [item for item in tried if item.is_better]
    return next((item for item in better if item.is_makers), better[0] if better else None)


def _reciprocal(hits: Sequence[Hit], question: Question) -> float:
    return reciprocal(gold_rank((hit.passage_id for hit in hits), question.positives))
