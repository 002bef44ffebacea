"""Is an answer right? One grader an answer type, without a model as judge.

`score` is in [0, 1]; `correct` is the verdict at the type's threshold:

- number: the gold quantity and no other of its unit (see `quantities`);
- span: SQuAD token F1 (Rajpurkar et al. 2016) of at least .5, or the gold's words within a short answer; either way
  with a figure of the gold where it has any;
- yes_no, yes_no_maybe, choice: the label at the beginning;
- api_call: the call, whatever its quotes and blanks;
- long: token F1 of at least .35.

Where a JSON Schema is asked for, an answer is right when one of the values of its JSON is.
"""

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hybrid.answer_format import leaves
from hybrid.errors import UserError
from hybrid.evaluation.quantities import NUMBER_WORDS, same_quantities
from hybrid.types import Answer, Question

SPAN_F1 = 0.5
LONG_F1 = 0.35

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_LEAD = re.compile(r"^\W*(?:(?:the\s+)?(?:correct\s+|final\s+)?answer(?:\s+is)?|option)\b[\s:]*", re.IGNORECASE)
_QUOTES = str.maketrans(dict.fromkeys('"`´‘’“”', "'"))


@dataclass(frozen=True, slots=True)
class Grade:
    """`exact` says that the answer equals a gold answer after normalisation."""

    score: float
    correct: bool
    exact: bool


_WRONG = Grade(0.0, False, False)


def grade(text: str, question: Question, *, abstained: bool) -> Grade:
    """The best grade of `text` (free of citation markers) over the gold answers.

    Abstaining scores 0 on an answerable question and 1 on an unanswerable one, where every answer scores 0.
    Raises `UserError` for an answer type without a grader.
    """
    if not question.answerable:
        return Grade(1.0, True, True) if abstained else _WRONG
    grader = _GRADERS.get(question.answer_type)
    if grader is None:
        known = ", ".join(sorted(_GRADERS))
        raise UserError(f"question {question.id}: unknown answer type {question.answer_type!r}", f"use one of {known}")
    if abstained or not text.strip():
        return _WRONG
    texts = [text, *leaves(text)] if question.json_schema else [text]
    grades = [grader(given, gold) for given in texts for gold in question.answers]
    return max(grades, key=lambda item: (item.correct, item.score, item.exact), default=_WRONG)


def served_right(answer: Answer, question: Question) -> bool:
    """Whether who asked is served right: by the answer, or by hearing that nothing answers."""
    if not question.answerable:
        return answer.served_abstention
    return grade(answer.plain, question, abstained=answer.abstained).correct and not answer.withheld


def normalise(text: str) -> str:
    """SQuAD's normal form: lower case, no punctuation, no articles, single blanks. Superscripts become digits."""
    return " ".join(_ARTICLES.sub(" ", _plain(text)).split())


def token_f1(text: str, gold: str) -> float:
    """Harmonic mean of precision and recall over normalised tokens, as multisets."""
    given, wanted = _tokens(text), _tokens(gold)
    num_shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * num_shared / (len(given) + len(wanted)) if num_shared else 0.0


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).lower()
    return "".join(char for char in folded if unicodedata.category(char)[0] != "P" and char not in "$+<=>^`|~")


def _tokens(text: str) -> list[str]:
    # "The The" or option "A" would lose all its words with the articles.
    return normalise(text).split() or _plain(text).split()


def _number(text: str, gold: str) -> Grade:
    same = same_quantities(text, gold)
    if same is None:
        return _span(text, gold)
    return Grade(float(same), same, same and normalise(text) == normalise(gold))


def _span(text: str, gold: str) -> Grade:
    given, wanted = _tokens(text), _tokens(gold)
    exact = given == wanted and bool(wanted)
    figures = _figures(wanted)
    if figures and not figures & _figures(given):
        return _WRONG  # "18 months" for "12 months" has F1 .5, but it is another answer
    score = token_f1(text, gold)
    short = len(given) <= 3 * len(wanted) + 4
    return Grade(score, score >= SPAN_F1 or (short and _contains(given, wanted)), exact)


def _long(text: str, gold: str) -> Grade:
    score = token_f1(text, gold)
    return Grade(score, score >= LONG_F1, _tokens(text) == _tokens(gold))


def _label(text: str, gold: str) -> Grade:
    """The answer begins with the gold label, after a lead like "The answer is"."""
    rest = _LEAD.sub("", text)
    given, wanted = _plain(rest).split(), _plain(_LEAD.sub("", gold)).split()
    correct = bool(wanted) and given[: len(wanted)] == wanted
    if correct and wanted in (["a"], ["i"]) and len(given) > 1:
        # "A pump" does not choose option A; "A) a pump" and "A, because" do.
        correct = re.match(r"\W*\w\s*[).:,;*\]-]", rest) is not None
    return Grade(float(correct), correct, correct and given == wanted)


def _api_call(text: str, gold: str) -> Grade:
    tokens = re.findall(r"\w+|[^\w\s]", gold.translate(_QUOTES))
    if not tokens:
        return _WRONG
    pattern = re.escape(tokens[0])
    for left, right in itertools.pairwise(tokens):
        words = left[-1].isalnum() and right[0].isalnum()
        pattern += (r"\s+" if words else r"\s*") + re.escape(right)
    given = text.translate(_QUOTES)
    correct = re.search(rf"(?<!\w){pattern}(?!\w)", given) is not None
    return Grade(float(correct), correct, re.fullmatch(rf"[\s']*{pattern}[\s']*", given) is not None)


def _figures(tokens: list[str]) -> set[str]:
    return {str(NUMBER_WORDS.get(token, token)) for token in tokens if token in NUMBER_WORDS or re.search(r"\d", token)}


def _contains(given: list[str], wanted: list[str]) -> bool:
    width = len(wanted)
    return width > 0 and any(given[start : start + width] == wanted for start in range(len(given) - width + 1))


_GRADERS: dict[str, Callable[[str, str], Grade]] = {
    "number": _number,
    "span": _span,
    "yes_no": _label,
    "yes_no_maybe": _label,
    "choice": _label,
    "api_call": _api_call,
    "long": _long,
}
