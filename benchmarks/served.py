"""Answers as a person gets them, judged alike whoever wrote them, and the figures of such answers.

A reply says what was written, whether it was served, the texts that its generator was given, which of them are gold and
which of them it cites, by their places. A row is a reply judged: what `hybrid.evaluation.figure` measures.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hybrid.answering.citations import cited_numbers, plain_text
from hybrid.answering.excerpt import contains_answer
from hybrid.answering.grounding import is_echo
from hybrid.answering.refusals import declines
from hybrid.corpus.quotes import find_quote
from hybrid.evaluation.figure import Figure, Row, gain, is_known, measure, ratio
from hybrid.evaluation.graders import grade
from hybrid.evaluation.questions import gold_shown
from hybrid.types import Answer, Interval, Passage, Question

_LOOKED_FOR = ("span", "number")
"""Types whose answers may stand word for word in a text: a yes stands anywhere."""


def reply_of_answer(
    question: Question, answer: Answer, passages: Mapping[str, Passage], seconds: float = 0.0
) -> dict[str, Any]:
    """An answer of ours. What is gold is known by its id."""
    places = {identity: place for place, identity in enumerate(answer.context)}
    return {
        "id": question.id,
        "text": answer.text,
        "plain": answer.plain,
        "declined": answer.abstained,
        "withheld": answer.withheld,
        "reason": answer.reason.value if answer.reason else None,
        "echo": answer.echo,
        "context": list(answer.shown),
        "gold": [identity in question.positives for identity in answer.context],
        "gold_in_context": gold_shown(question, answer, passages),
        "cited": list(dict.fromkeys(places[citation.passage_id] for citation in answer.citations)),
        "seconds": seconds,
    }


def reply_of_text(
    question: Question, text: str, chunks: Sequence[str], instruction: str, seconds: float = 0.0
) -> dict[str, Any]:
    """An answer of another tool, which serves all that it writes. A chunk is gold that holds a quote of the evidence.

    It cites what its markers `[n]` point to, the first of `chunks` being 1. `instruction`: the words of its prompt.
    """
    known = "\n".join([question.question, *chunks])
    plain = plain_text(text, known)
    gold = [any(find_quote(part.quote, chunk) for part in question.evidence) for chunk in chunks]
    declined = declines(plain, question.question)
    return {
        "id": question.id,
        "text": text,
        "plain": plain,
        "declined": declined,
        "withheld": False,
        "reason": None,
        "echo": not declined and is_echo(plain, question.question, chunks, instruction),
        "context": list(chunks),
        "gold": gold,
        "gold_in_context": any(gold),
        "cited": []
        if declined
        else [number - 1 for number in cited_numbers(text, known) if 1 <= number <= len(chunks)],
        "seconds": seconds,
    }


def judge(reply: Mapping[str, Any], question: Question, kind: str = "") -> dict[str, Any]:
    """The row of a reply. Questions on one document vary together; `kind` is what the question's file says of it."""
    cited, gold, context = reply["cited"], reply["gold"], reply["context"]
    correct = question.answerable and grade(reply["plain"], question, abstained=reply["declined"]).correct
    served = not reply["declined"] and not reply["withheld"]
    wanted = question.answers if question.answer_type in _LOOKED_FOR else ()
    bearing = [place for place in cited if gold[place] or any(contains_answer(context[place], a) for a in wanted)]
    return {
        "id": question.id,
        "cluster": _document(question),
        "kind": kind,
        "answerable": question.answerable,
        "correct": correct,
        "withheld": reply["withheld"],
        "served": served,
        "right": correct and served,
        "echo": reply["echo"],
        "gold_in_context": reply["gold_in_context"],
        "cited": len(cited),
        "cited_gold": sum(gold[place] for place in cited),
        "cited_bearing": len(bearing),
    }


def _document(question: Question) -> str:
    if question.evidence:
        return question.evidence[0].source
    return question.positives[0] if question.positives else question.id


def citation_figures(prefix: str) -> list[Figure]:
    """Of answers that are right as served: the share of what they cite that is gold, the share of them that cite gold,
    and the share of what they cite that is gold or holds the answer word for word: not all that holds it is labelled.
    """
    return [
        ratio(f"{prefix}precision", lambda r: r["cited_gold"], lambda r: r["cited"] * r["right"]),
        ratio(f"{prefix}recall", lambda r: r["cited_gold"] > 0, lambda r: r["right"]),
        ratio(f"{prefix}bears-out", lambda r: r["cited_bearing"], lambda r: r["cited"] * r["right"]),
    ]


def own_figures(kinds: Sequence[str]) -> list[Figure]:
    """What a team asks of answers from its own folder; right answers also by kind of question."""
    return [
        ratio("own/right-as-served", lambda r: r["right"], lambda r: r["answerable"]),
        *(_right_of(kind) for kind in kinds),
        ratio("own/without-source", lambda r: not r["cited"], lambda r: r["served"]),
        ratio("own/declined", lambda r: not r["served"], lambda r: not r["answerable"]),
        ratio("own/over-refusal", lambda r: not r["served"], lambda r: r["answerable"] and r["gold_in_context"]),
        ratio("own/right-withheld", lambda r: r["withheld"], lambda r: r["correct"]),
        ratio("own/echo", lambda r: r["echo"], lambda r: 1.0),
        *citation_figures("own/citation-"),
    ]


def _right_of(kind: str) -> Figure:
    return ratio(f"own/right-as-served/{kind}", lambda r: r["right"], lambda r: r["answerable"] and r["kind"] == kind)


def measured(
    figures: Sequence[Figure], sides: Mapping[str, Sequence[Row]], *, resamples: int, seed: int
) -> list[tuple[str, str, Interval]]:
    """Metric, system and interval: of every side, and of the first side less each other one, paired."""
    found: list[tuple[str, str, Interval]] = []
    first, *others = sides
    for figure in figures:
        values = {side: measure(figure, rows, resamples=resamples, seed=seed) for side, rows in sides.items()}
        values |= {
            f"{first} − {other}": gain(figure, sides[other], sides[first], resamples=resamples, seed=seed)
            for other in others
        }
        found += [(figure.name, system, value) for system, value in values.items() if value and is_known(value)]
    return found
