"""The prompt: rendered here for training and for serving alike, so that the two can never differ."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hybrid.answering.excerpt import WHOLE, Excerpts
from hybrid.config import AnsweringConfig, AnswerStyle
from hybrid.errors import UserError
from hybrid.types import Chat, Message, Passage

ABSTENTION = "I don't know."
"""The whole answer of a generator that declines."""

ANSWER_MARK = "Answer:"
"""What stands before the answer in the styles that show their work first."""

_NO_PASSAGES = "(no passages)"
_NUMBERED = re.compile(r"^\[(\d{1,3})\] ", re.MULTILINE)
_ASKED = re.compile(r"^question:[ \t]*", re.IGNORECASE | re.MULTILINE)

_FORM: dict[AnswerStyle, str] = {
    "cited": "Give the short answer and the number of its passage, like: 20 kg [2].",
    "quote_first": (
        "Quote the sentence that answers, with the number of its passage, then give the short answer, "
        f'like: "It weighs 20 kg." [2] {ANSWER_MARK} 20 kg [2].'
    ),
    "reason_first": (
        "Say in one sentence what the passages tell, then give the short answer and the number of its passage, "
        f"like: Passage [2] says: It weighs 20 kg. {ANSWER_MARK} 20 kg [2]."
    ),
}


@dataclass(frozen=True)
class Example:
    """A worked example for few-shot prompting: its context, its question, its target."""

    passages: tuple[Passage, ...]
    question: str
    target: str


@dataclass(frozen=True)
class PromptForm:
    """How a question and its passages are put to the generator. `instruction` joins the system turn."""

    style: AnswerStyle = "cited"
    instruction: str = ""
    question_first: bool = False
    best_first: bool = False
    excerpts: Excerpts = WHOLE


def prompt_form(answering: AnsweringConfig, count_tokens: Callable[[Chat], int]) -> PromptForm:
    """The configured form; passages are measured in the generator's own tokens."""
    empty = count_tokens((Message("user", ""),))

    @lru_cache(maxsize=100_000)
    def count(text: str) -> int:
        return count_tokens((Message("user", text),)) - empty

    excerpts = Excerpts(answering.passage_fields, answering.passage_tokens, count)
    return PromptForm(answering.style, answering.instruction, answering.question_first, answering.best_first, excerpts)


def render(
    question: str,
    passages: Sequence[Passage],
    form: PromptForm,
    examples: Sequence[Example] = (),
) -> Chat:
    """The chat that asks `question` of `passages`, numbered from 1 in the order given."""
    parts = [
        "Answer from the numbered passages only.",
        _FORM[form.style],
        form.instruction,
        "The search holds the first for the best." if form.best_first else "",
        f"If they do not answer, say: {ABSTENTION}",
    ]
    turns = [Message("system", " ".join(part for part in parts if part))]
    for example in examples:
        turns.append(Message("user", _user_turn(example.question, example.passages, form)))
        turns.append(Message("assistant", example.target))
    turns.append(Message("user", _user_turn(question, passages, form)))
    return tuple(turns)


def target_text(answer: str, marker: int, quote: str, style: AnswerStyle) -> str:
    """The wanted completion for an answerable question whose oracle stands at `marker`."""
    cited = f"{answer} [{marker}]"
    if style == "quote_first":
        return f'"{quote}" [{marker}] {ANSWER_MARK} {cited}'
    if style == "reason_first":
        return f"Passage [{marker}] says: {quote} {ANSWER_MARK} {cited}"
    return cited


@dataclass(frozen=True)
class FittedContext:
    """The passages that fit the token budget, in order, and those that had to go."""

    passages: tuple[Passage, ...]
    dropped: tuple[Passage, ...]
    shown: tuple[str, ...] = ()
    """The text of each kept passage as the generator reads it."""


def fit_context(
    question: str,
    passages: Sequence[Passage],
    *,
    form: PromptForm,
    count_tokens: Callable[[Chat], int],
    budget_tokens: int,
    keep: Collection[str] = (),
    examples: Sequence[Example] = (),
) -> FittedContext:
    """Drop passages from the end until the prompt fits `budget_tokens`; ids in `keep` (oracles) are never dropped.

    Raises `UserError` where the question with the kept passages alone is over the budget.
    """
    kept, dropped = list(passages), []
    while count_tokens(render(question, kept, form, examples)) > budget_tokens:
        victim = next((i for i in reversed(range(len(kept))) if kept[i].id not in keep), None)
        if victim is None:
            what = "the question with its gold passage" if kept else "the question alone"
            raise UserError(
                f"{what} takes more than {budget_tokens} tokens: {question[:80]!r}",
                "raise generator.context_tokens, or lower corpus.chunk_tokens and run `hybrid index` again",
            )
        dropped.append(kept.pop(victim))
    shown = tuple(form.excerpts.show(passage, question) for passage in kept)
    return FittedContext(tuple(kept), tuple(dropped), shown)


def best_first(passages: Sequence[Passage], ranking: Sequence[str]) -> list[Passage]:
    """In the order of `ranking` (ids, best first); those that it does not hold stay behind, as they stood."""
    rank = {identity: place for place, identity in enumerate(ranking)}
    return sorted(passages, key=lambda passage: rank.get(passage.id, len(rank)))


def _user_turn(question: str, passages: Sequence[Passage], form: PromptForm) -> str:
    shown = [form.excerpts.show(passage, question) for passage in passages]
    numbered = [f"[{number}] {text}" for number, text in enumerate(shown, 1)]
    asked = f"Question: {question}"
    before = [asked] if form.question_first and numbered else []
    return "\n\n".join([*before, *(numbered or [_NO_PASSAGES]), asked])


def split_prompt(user: str) -> tuple[str, list[str]]:
    """A user turn of `render` taken apart: its question and the texts of its passages.

    The last `Question:` asks: passages may hold others, and with `question_first` it stands at both ends. The whole
    turn and no passages where nothing parts them.
    """
    asked = list(_ASKED.finditer(user))
    if asked:
        before, question = user[: asked[-1].start()], user[asked[-1].end() :].strip()
        passages = numbered_passages(before)
        if passages or before.strip() in ("", _NO_PASSAGES):
            return question, passages
    return user.strip(), []


def numbered_passages(text: str) -> list[str]:
    """The passages numbered [1], [2] … at the beginnings of lines; the last one goes on to the end of the text."""
    marks: list[re.Match[str]] = []
    for mark in _NUMBERED.finditer(text):
        if int(mark[1]) == len(marks) + 1:
            marks.append(mark)
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    return [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=False)]
