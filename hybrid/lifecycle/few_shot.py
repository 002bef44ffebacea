"""Worked examples for the prompt: the baseline that tuning must beat."""

import random

from hybrid.answering.pipeline import Pipeline
from hybrid.answering.prompt import ABSTENTION, Example, target_text
from hybrid.answering.sources import supporting_sentence
from hybrid.corpus.passages import PassageSet


def worked_examples(passages: PassageSet, pipeline: Pipeline, num_shots: int, seed: int) -> tuple[Example, ...]:
    """Examples from train, the same for every question: context, question, wanted target.

    Where train has unanswerable questions, the last of two or more examples is one, with the passage that is found
    for it: an example that declines is what a person would put there.
    """
    form, train = pipeline.form, passages.split("train")
    rng = random.Random(seed)
    usable = [q for q in train if q.answerable and q.positives and q.answers]
    never = [q for q in train if not q.answerable]
    declined = rng.sample(never, 1) if never and num_shots > 1 else []
    examples = []
    for question in rng.sample(usable, min(num_shots - len(declined), len(usable))):
        oracle = passages.by_id[question.positives[0]]
        quote = supporting_sentence(question.answers[0], oracle)
        examples.append(Example((oracle,), question.question, target_text(question.answers[0], 1, quote, form.style)))
    for question in declined:
        found = pipeline.lookup(pipeline.retrieve([question.question])[0][:1])
        examples.append(Example(tuple(found), question.question, ABSTENTION))
    return tuple(examples)
