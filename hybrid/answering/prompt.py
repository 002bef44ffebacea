"""The prompt: rendered here for training and for serving alike, so that the two can never differ."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from hybrid.answering.excerpt import WHOLE, Excerpts
from hybrid.config_answering import PLACEHOLDER, AnsweringConfig, AnswerStyle
from hybrid.errors import UserError
from hybrid.types import Chat, Message, Passage

ABSTENTION = "I don't know."
"""The whole answer of a generator that declines."""

ANSWER_MARK = "Answer:"
"""What stands before the answer in the styles that show their work first."""

_NO_PASSAGES = "(no passages)"
_NUMBERED = re.compile(r"^\[(\d{1,3})\] ", re.MULTILINE)
_ASKED = re.compile(r"^question:[ \t]*", re.IGNORECASE | re.MULTILINE)
_ROUND = re.compile(
    r"\(\d\)|round brackets|parenthes[ei]s|runde\w* Klammern|parenthèses|paréntesis|parentesi|parênteses", re.IGNORECASE
)
_SHORT = "the answer alone, in as few words as possible, copied from the passage"

_TASK: dict[AnswerStyle, str] = {
    "plain": f"Reply with {_SHORT}.",
    "cited": f"Reply with {_SHORT}, then the number of that passage in square brackets.",
    "quote_first": (
        "First copy the sentence that answers it, in quotation marks, with the number of its passage in square "
        f"brackets. Then write {ANSWER_MARK[:-1]}, a colon, the answer alone in as few words as possible, and the "
        "number again."
    ),
    "reason_first": (
        "First say in one sentence what the passage tells, with its number in square brackets. Then write "
        f"{ANSWER_MARK[:-1]}, a colon, the answer alone in as few words as possible, and the number again."
    ),
    "own": "",
}
"""What each form asks for. None shows an answer: a small model gives it back, whatever was asked."""

_ASK = "Answer the question from the passages above."
"""Where the task begins: what stands behind it in a prompt is no part of the question."""


@dataclass(frozen=True)
class Example:
    """A worked example for the prompt: its context, its question, its target."""

    passages: tuple[Passage, ...]
    question: str
    target: str


@dataclass(frozen=True)
class Asked:
    """A question for which examples are chosen. `hidden`: ids of passages that none of them may rest on, as the gold
    ones where it is measured; `among`: ids of those that they may show, None for all.
    """

    question: str
    hidden: frozenset[str] = frozenset()
    among: frozenset[str] | None = None


@dataclass(frozen=True)
class PromptForm:
    """How a question and its passages are put to the generator.

    `instruction` joins the task. `template` is the team's own wording of the user turn, for the style `own`, with the
    placeholders that `answering.template` lists.
    """

    style: AnswerStyle = "plain"
    instruction: str = ""
    question_first: bool = False
    best_first: bool = False
    excerpts: Excerpts = WHOLE
    template: str = ""

    @property
    def task(self) -> str:
        """What is asked for beside the question, in words.

        The plain form does not offer to decline: small readers then decline what they could answer and hardly anything
        else, and what nothing bears out is withheld anyway.
        """
        parts = [
            _ASK,
            _TASK[self.style],
            self.instruction,
            "The search holds the first passage for the best." if self.best_first else "",
            "" if self.style == "plain" else f"If the passages do not contain the answer, reply: {ABSTENTION}",
        ]
        return " ".join(part for part in parts if part)

    @property
    def words(self) -> str:
        """All words of the prompt that are neither of a passage nor of the question: an answer must not echo them."""
        return PLACEHOLDER.sub(" ", self.template) + f" {self.instruction}" if self.template else self.task

    @property
    def asks_round(self) -> bool:
        """Whether the team's own wording asks for numbers in round brackets: `(1)`."""
        return bool(_ROUND.search(f"{self.template} {self.instruction}"))


class ExampleSource(Protocol):
    """Where worked examples come from."""

    def choose(self, asked: Sequence[Asked], num: int, form: PromptForm) -> list[tuple[Example, ...]]:
        """At most `num` examples for each question, in the order in which they stand before it."""
        ...


def prompt_form(answering: AnsweringConfig, count_tokens: Callable[[Chat], int]) -> PromptForm:
    """The configured form; passages are measured in the generator's own tokens. `auto` that nobody settled is plain."""
    empty = count_tokens((Message("user", ""),))

    @lru_cache(maxsize=100_000)
    def count(text: str) -> int:
        return count_tokens((Message("user", text),)) - empty

    style = "plain" if answering.style == "auto" else answering.style
    return PromptForm(
        style,
        answering.instruction,
        answering.question_first,
        answering.best_first,
        Excerpts(answering.passage_fields, answering.passage_tokens, count, answering.orders == "omit"),
        answering.template if style == "own" else "",
    )


def render(
    question: str,
    passages: Sequence[Passage],
    form: PromptForm,
    examples: Sequence[Example] = (),
) -> Chat:
    """The chat that asks `question` of `passages`, numbered from 1 in the order given.

    The task stands behind the passages and the question comes last: small models answer worse with either elsewhere.
    """
    turns = []
    for example in examples:
        turns.append(Message("user", _user_turn(example.question, example.passages, form)))
        turns.append(Message("assistant", example.target))
    turns.append(Message("user", _user_turn(question, passages, form)))
    return tuple(turns)


def target_text(answer: str, marker: int, quote: str, style: AnswerStyle) -> str:
    """The wanted completion for an answerable question whose oracle stands at `marker`."""
    if style in ("plain", "own"):
        # where it stands is found when it is read
        return answer
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
    examples: tuple[Example, ...] = ()
    examples_left_out: int = 0


def fit_context(
    question: str,
    passages: Sequence[Passage],
    *,
    form: PromptForm,
    count_tokens: Callable[[Chat], int],
    budget_tokens: int,
    keep: Collection[str] = (),
) -> FittedContext:
    """Drop passages from the end until the prompt fits `budget_tokens`; ids in `keep` (oracles) are never dropped.

    Raises `UserError` where the question with the kept passages alone is over the budget.
    """
    kept, dropped = list(passages), []
    while count_tokens(render(question, kept, form)) > budget_tokens:
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


def fit_examples(
    question: str,
    passages: Sequence[Passage],
    examples: Sequence[Example],
    *,
    form: PromptForm,
    count_tokens: Callable[[Chat], int],
    window_tokens: int,
) -> tuple[Example, ...]:
    """The last of the examples, as many as fit into `window_tokens` of prompt beside the passages, which all stay.

    Raises `UserError` where not even one fits beside the question and its first passage.
    """
    kept = list(examples)
    while kept and count_tokens(render(question, passages, form, kept)) > window_tokens:
        del kept[0]
    if examples and not kept and count_tokens(render(question, passages[:1], form, examples[-1:])) > window_tokens:
        raise UserError(
            f"a worked example beside the question with one passage takes more than the {window_tokens} tokens that "
            f"the model reads before its answer: {question[:80]!r}",
            "set answering.examples=0, lower answering.example_tokens, or raise generator.window_tokens where the "
            "model reads more",
        )
    return tuple(kept)


def best_first(passages: Sequence[Passage], ranking: Sequence[str]) -> list[Passage]:
    """In the order of `ranking` (ids, best first); those that it does not hold stay behind, as they stood."""
    rank = {identity: place for place, identity in enumerate(ranking)}
    return sorted(passages, key=lambda passage: rank.get(passage.id, len(rank)))


def _user_turn(question: str, passages: Sequence[Passage], form: PromptForm) -> str:
    shown = [form.excerpts.show(passage, question) for passage in passages]
    numbered = [f"[{number}] {text}" for number, text in enumerate(shown, 1)]
    listed = "\n\n".join(numbered or [_NO_PASSAGES])
    if form.template:
        # in one pass: a passage may hold what looks like a placeholder
        values = {
            "passages": listed, "question": question, "instruction": form.instruction, "abstention": ABSTENTION
        }  # fmt: skip
        return PLACEHOLDER.sub(lambda found: values[found[1]], form.template).strip()
    asked = f"Question: {question}"
    before = [asked] if form.question_first and numbered else []
    return "\n\n".join([*before, listed, form.task, asked])


def split_prompt(user: str) -> tuple[str, list[str]]:
    """A user turn of `render` taken apart: its question and the texts of its passages.

    The last `Question:` asks: passages may hold others, and with `question_first` it stands at both ends. The whole
    turn and no passages where nothing parts them.
    """
    asked = list(_ASKED.finditer(user))
    if asked:
        before, question = user[: asked[-1].start()], user[asked[-1].end() :].strip()
        before = before.rpartition(f"\n\n{_ASK}")[0] or before
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
