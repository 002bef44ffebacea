"""The checks of an audit, each from questions and passages alone. No model, no file, no clock."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hybrid.answer_format import shape
from hybrid.answering.excerpt import contains_answer
from hybrid.audit.findings import Finding, Kind
from hybrid.audit.wording import alike, copied_share
from hybrid.corpus.text_quality import language
from hybrid.evaluation.graders import grade, normalise
from hybrid.languages.quantities import quantities, same_quantities
from hybrid.types import Passage, Question

EXTRACTIVE = ("span", "number", "api_call")
"""Types whose answers stand in their passages."""
RARE = 0.1
"""Share of the answers of a type below which their shape is out of line."""
ENOUGH = 20
"""Answers of a type below which no shape is usual."""
COPIED = 0.7
"""Share of a question that may stand word by word in its passage."""
DISTINCT = 12
"""Letters from which an answer that is no quantity says more than chance that two questions are one."""
FEW_PASSAGES = 2
"""Passages that a rare answer stands in at most."""
FAR = 2.0
"""How many times the 95th percentile a length must be to be out of line, or how many times below the 5th."""


def run_checks(questions: Sequence[Question], passages: Mapping[str, Passage]) -> list[Finding]:
    """Everything that is found, in the order of the questions."""
    found = [
        *worded_alike(questions),
        *gold(questions, passages),
        *formats(questions),
        *lengths(questions),
        *copies(questions, passages),
        *shared(questions),
        *same_answers(questions, passages),
        *languages(questions),
    ]
    return ordered(questions, found)


def ordered(questions: Sequence[Question], found: Sequence[Finding]) -> list[Finding]:
    """Findings in the order of the questions."""
    place = {question.id: number for number, question in enumerate(questions)}
    return sorted(found, key=lambda finding: (place[finding.question], finding.kind, finding.detail))


def worded_alike(questions: Sequence[Question]) -> Iterator[Finding]:
    """Duplicates within a split, leaks between train and a held-out split, and contradictions wherever they are."""
    for first, second in alike(questions):
        one, other = questions[first], questions[second]
        if not agree(one, other):
            for item, beside in ((one, other), (other, one)):
                said = " / ".join(beside.answers[:1]) or "nothing answers it"
                detail = f"{beside.id} ({beside.split}) asks alike and is answered: {said}"
                yield Finding(Kind.CONTRADICTION, item.id, detail, (beside.id,))
        elif one.split == other.split:
            yield Finding(Kind.DUPLICATE, other.id, f"{one.id} asks alike", (one.id,))
        elif "train" in (one.split, other.split):
            held, trained = (other, one) if one.split == "train" else (one, other)
            yield Finding(Kind.LEAK, held.id, f"{trained.id} of train asks alike", (trained.id,))
        else:
            yield Finding(Kind.DUPLICATE, other.id, f"{one.id} ({one.split}) asks alike", (one.id,))


def agree(one: Question, other: Question) -> bool:
    """Whether two questions have an answer in common."""
    if one.answerable != other.answerable:
        return False
    if not one.answers or not other.answers:
        # nothing answers them, or they were made for a retriever: nothing to disagree about
        return True
    return any(
        grade(answer, asked, abstained=False).correct
        for asked, given in ((one, other), (other, one))
        for answer in given.answers
    )


def gold(questions: Sequence[Question], passages: Mapping[str, Passage]) -> Iterator[Finding]:
    """Answerable questions without answer or gold passage, and those whose passages do not hold an answer."""
    for question in questions:
        if not question.answerable:
            continue
        held = [passages[identity] for identity in question.positives if identity in passages]
        answered = any(answer.strip() for answer in question.answers)
        if not held:
            yield Finding(Kind.NO_ANSWER, question.id, "no gold passage")
        elif not answered and question.split == "test":
            # in train and dev such questions serve the retriever
            yield Finding(Kind.NO_ANSWER, question.id, "no answer")
        elif (
            answered
            and question.answer_type in EXTRACTIVE
            and not any(holds(passage.full_text, answer) for passage in held for answer in question.answers)
        ):
            names = ", ".join(passage.id for passage in held[:2])
            yield Finding(Kind.WRONG_GOLD, question.id, f"{question.answers[0]!r} is not in {names}")


def holds(text: str, answer: str) -> bool:
    """Whether a text holds an answer, word by word or as the same quantities in another spelling.

    A whole sentence is another form, not another answer: its figures and identifiers are looked for, where it has any.
    """
    if contains_answer(text, answer):
        return True
    if shape(answer).startswith("sentence"):
        named = [word for word in re.findall(r"[^\W_]+(?:[-/.,][^\W_]+)*", answer) if any(map(str.isdigit, word))]
        return not named or any(contains_answer(text, name) for name in named)
    wanted = quantities(answer)
    return bool(wanted) and any(same_quantities(sentence, answer) for sentence in text.replace(";", ".").split(". "))


def formats(questions: Sequence[Question]) -> Iterator[Finding]:
    """Answers whose shape is rare among those of their type."""
    groups: dict[str, list[Question]] = {}
    for question in questions:
        if question.answerable and question.answers:
            groups.setdefault(question.answer_type, []).append(question)
    for kind, group in groups.items():
        found = Counter(shape(question.answers[0]) for question in group)
        if found.total() < ENOUGH:
            continue
        usual, _ = found.most_common(1)[0]
        for question in group:
            mine = shape(question.answers[0])
            if found[mine] < RARE * found.total():
                share = 100 * found[mine] / found.total()
                detail = f"a {mine} where {kind} answers are a {usual} ({share:.0f} % are like this one)"
                yield Finding(Kind.FORMAT, question.id, detail)


def lengths(questions: Sequence[Question]) -> Iterator[Finding]:
    """Questions and answers that are far longer or shorter than the others of their type."""
    groups: dict[tuple[str, str], list[tuple[Question, int]]] = {}
    for question in questions:
        groups.setdefault(("question", ""), []).append((question, len(question.question.split())))
        if question.answerable and question.answers:
            part = ("answer", question.answer_type)
            groups.setdefault(part, []).append((question, len(question.answers[0].split())))
    for (what, _), items in groups.items():
        if len(items) < ENOUGH:
            continue
        low, middle, high = np.quantile([length for _, length in items], [0.05, 0.5, 0.95])
        for question, length in items:
            if length > FAR * high or length < low / FAR:
                yield Finding(Kind.LENGTH, question.id, f"the {what} has {length} words, the median is {middle:.0f}")


def copies(questions: Sequence[Question], passages: Mapping[str, Passage]) -> Iterator[Finding]:
    """Questions that repeat their passage."""
    for question in questions:
        for identity in question.positives:
            passage = passages.get(identity)
            if passage and (share := copied_share(question.question, passage.full_text)) >= COPIED:
                yield Finding(Kind.COPIED, question.id, f"{100 * share:.0f} % of it stands in {identity} in one run")
                break


def shared(questions: Sequence[Question]) -> Iterator[Finding]:
    """Held-out questions whose gold passage train asks about as well."""
    trained: dict[str, str] = {}
    for question in questions:
        if question.split == "train":
            for identity in question.positives:
                trained.setdefault(identity, question.id)
    for question in questions:
        if question.split != "train" and (both := [p for p in question.positives if p in trained]):
            detail = f"{both[0]} is gold of {trained[both[0]]} in train too"
            yield Finding(Kind.SHARED, question.id, detail, (trained[both[0]],))


def same_answers(questions: Sequence[Question], passages: Mapping[str, Passage]) -> Iterator[Finding]:
    """Held-out questions whose answer is an answer in train as well, where it is rare: long, no quantity, and in few
    passages. "4 years" answers many questions.
    """
    trained: dict[str, str] = {}
    for question in questions:
        if question.split == "train":
            for answer in _rare(question):
                trained.setdefault(normalise(answer), question.id)
    for question in questions:
        if question.split == "train":
            continue
        for answer in _rare(question):
            beside = trained.get(normalise(answer))
            if (
                beside
                and sum(contains_answer(p.full_text, answer.rstrip(".")) for p in passages.values()) <= FEW_PASSAGES
            ):
                yield Finding(
                    Kind.SAME_ANSWER, question.id, f"{beside} of train has the answer {answer!r} too", (beside,)
                )
                break


def languages(questions: Sequence[Question]) -> Iterator[Finding]:
    """Questions in a language that few of the others are in; short ones are passed over."""
    codes = [(question, language(question.question)) for question in questions]
    known = Counter(code for _, code in codes if code)
    if known.total() < ENOUGH:
        return
    for question, code in codes:
        if code and known[code] < RARE * known.total():
            share = 100 * known[code] / known.total()
            yield Finding(Kind.LANGUAGE, question.id, f"{code}, as {share:.0f} % of those whose language is sure")


def _rare(question: Question) -> list[str]:
    if not question.answerable or question.answer_type not in EXTRACTIVE:
        return []
    return [a for a in question.answers if sum(map(str.isalpha, a)) >= DISTINCT and not quantities(a)]
