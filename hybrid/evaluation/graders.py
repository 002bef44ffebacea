"""Is an answer right? One grader an answer type, without a model as judge.

`score` is in [0, 1]; `correct` is the verdict at the type's threshold:

- number: the gold quantity and no other of its unit (see `quantities`);
- span: the gold's figures and no others of their kind, and most of its words, none exchanged (see `span_grader`);
- yes_no, yes_no_maybe, choice: the label at the beginning;
- api_call: the call, whatever its quotes and blanks;
- long: token F1 of at least .35.

Where a JSON Schema is asked for, an answer is right when one of the values of its JSON is; where the gold is a JSON
object or list itself, when all values of the gold are there, each by its own length and kind.
"""

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hybrid.answer_format import leaves, parse_json
from hybrid.errors import UserError
from hybrid.evaluation.span_grader import denies, states
from hybrid.languages.detection import language_of
from hybrid.languages.quantities import same_quantities
from hybrid.languages.words import find_words
from hybrid.types import Answer, Question

LONG_F1 = 0.35
SHORT_VALUE = 12
"""Words up to which a value of JSON is graded as a span."""

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


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked, and the language of it and its answers."""

    question: str
    language: str


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
    golds = [value for gold in question.answers for value in _containers(gold)] if question.json_schema else []
    texts = [text, *leaves(text)] if question.json_schema else [text]
    asked = _Asked(question.question, language_of(question.question, *question.answers[:1], text))
    if golds:
        grades = [_json(text, gold, asked) for gold in golds]
    else:
        grades = [grader(given, gold, asked) for given in texts for gold in question.answers]
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


def _number(text: str, gold: str, asked: _Asked) -> Grade:
    same = same_quantities(text, gold, asked.language)
    if same is None:
        return _span(text, gold, asked)
    same = same and not denies(text, gold)
    return Grade(float(same), same, same and normalise(text) == normalise(gold))


def _span(text: str, gold: str, asked: _Asked) -> Grade:
    return Grade(*states(text, gold, asked.question, asked.language))


def _long(text: str, gold: str, _: _Asked) -> Grade:
    score = token_f1(text, gold)
    return Grade(score, score >= LONG_F1, _tokens(text) == _tokens(gold))


def _json(text: str, gold: object, asked: _Asked) -> Grade:
    """Every value of the gold is in its place; a text that is no JSON is held against each of them."""
    wanted = _placed(gold)
    given = next((_placed(value) for value in _containers(text)), None)
    parts = [_value(text if given is None else given.get(place, ""), part, asked) for place, part in wanted.items()]
    if not parts:
        return Grade(1.0, True, True) if given == {} else _WRONG
    score = sum(part.score for part in parts) / len(parts)
    return Grade(score, all(part.correct for part in parts), given == wanted)


def _value(text: str, gold: str, asked: _Asked) -> Grade:
    if _tokens(text) == _tokens(gold):
        return Grade(1.0, True, True)
    if not text or not gold:
        return _WRONG
    return (_long if len(find_words(gold)) > SHORT_VALUE else _number)(text, gold, asked)


def _containers(text: str) -> list[object]:
    """The JSON object or list that a text is, in a list; empty where it is none."""
    found, value = parse_json(text)
    return [value] if found and isinstance(value, dict | list) else []


def _placed(value: object, place: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """The values of JSON by the keys and numbers that lead to them; null is an empty text."""
    if isinstance(value, dict | list):
        parts = value.items() if isinstance(value, dict) else enumerate(value)
        return {k: v for key, part in parts for k, v in _placed(part, (*place, str(key))).items()}
    return {place: "" if value is None else str(value)}


def _label(text: str, gold: str, _: _Asked) -> Grade:
    """The answer begins with the gold label, after a lead like "The answer is"."""
    rest = _LEAD.sub("", text)
    given, wanted = _plain(rest).split(), _plain(_LEAD.sub("", gold)).split()
    correct = bool(wanted) and given[: len(wanted)] == wanted
    if correct and wanted in (["a"], ["i"]) and len(given) > 1:
        # "A pump" does not choose option A; "A) a pump" and "A, because" do.
        correct = re.match(r"\W*\w\s*[).:,;*\]-]", rest) is not None
    return Grade(float(correct), correct, correct and given == wanted)


def _api_call(text: str, gold: str, _: _Asked) -> Grade:
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


_GRADERS: dict[str, Callable[[str, str, _Asked], Grade]] = {
    "number": _number,
    "span": _span,
    "yes_no": _label,
    "yes_no_maybe": _label,
    "choice": _label,
    "api_call": _api_call,
    "long": _long,
}
