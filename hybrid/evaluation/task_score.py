"""How well a generator does the very task that it is trained for: RAFT examples of dev, answered and graded.

A loss on dev falls with format and refusals too; only the answers tell whether the generator reads.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid.answering.citations import read_answer
from hybrid.answering.pipeline import Pipeline, Request
from hybrid.evaluation.graders import grade
from hybrid.jsonl import read_jsonl
from hybrid.protocols import Generator
from hybrid.types import Message, Question


def score_examples(
    generator: Generator, file: Path, questions: Mapping[str, Question], *, max_new_tokens: int
) -> list[float]:
    """Per line of a RAFT file: the grade in [0, 1] where the oracle is in the prompt, else 1 for declining.

    An example without oracle whose target is an answer from memory is graded as an answer.
    """
    records = _records(file)
    chats = [tuple(Message(turn["role"], turn["content"]) for turn in record["prompt"]) for record in records]
    scores = []
    for record, generation in zip(records, generator.generate(chats, max_new_tokens=max_new_tokens), strict=True):
        answer = read_answer(generation.text, (), guard=False)
        wanted = read_answer(record["completion"][0]["content"], (), guard=False)
        if wanted.abstained:
            scores.append(float(answer.abstained))
        else:
            scores.append(grade(answer.plain, questions[record["question_id"]], abstained=answer.abstained).score)
    return scores


def score_as_served(pipeline: Pipeline, file: Path, questions: Mapping[str, Question]) -> list[float]:
    """As `score_examples`, of an untuned generator asked as the pipeline serves it, of the same passages: what is
    withheld counts as declined. An adapter must beat that, not a base in a prompt that nobody would give it.
    """
    records = _records(file)
    asked = [questions[record["question_id"]] for record in records]
    ranking = pipeline.retrieve([question.question for question in asked], pipeline.config.retrieval.depth)
    requests = [
        Request(
            question.question,
            [pipeline.passages[name] for name in (record["oracle"], *record["distractors"]) if name],
            ranking=[hit.passage_id for hit in hits],
            hidden=question.positives,
        )
        for question, record, hits in zip(asked, records, ranking, strict=True)
    ]
    scores = []
    for record, question, answer in zip(records, asked, pipeline.answer(requests), strict=True):
        if read_answer(record["completion"][0]["content"], (), guard=False).abstained:
            scores.append(float(answer.served_abstention))
        else:
            graded = grade(answer.plain, question, abstained=answer.abstained)
            scores.append(0.0 if answer.withheld else graded.score)
    return scores


def _records(file: Path) -> list[dict[str, Any]]:
    return [record for _, record in read_jsonl(file) if record["kind"] != "general"]
