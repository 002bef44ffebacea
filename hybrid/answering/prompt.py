"""The prompt: rendered here for training and for serving alike, so that the two can never differ."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from hybrid.config import AnswerStyle
from hybrid.errors import UserError
from hybrid.types import Chat, Message, Passage

ABSTENTION = "I don't know."
"""The whole answer of a generator that declines."""

ANSWER_MARK = "Answer:"
"""What stands before the answer in the styles that show their work first."""

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


def render(question: str, passages: Sequence[Passage], style: AnswerStyle, examples: Sequence[Example] = ()) -> Chat:
    """The chat that asks `question` of `passages`, numbered from 1 in the order given."""
    system = f"Answer from the numbered passages only. {_FORM[style]} If they do not answer, say: {ABSTENTION}"
    turns = [Message("system", system)]
    for example in examples:
        turns.append(Message("user", _user_turn(example.question, example.passages)))
        turns.append(Message("assistant", example.target))
    turns.append(Message("user", _user_turn(question, passages)))
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


def fit_context(
    question: str,
    passages: Sequence[Passage],
    *,
    style: AnswerStyle,
    count_tokens: Callable[[Chat], int],
    budget_tokens: int,
    keep: Collection[str] = (),
    examples: Sequence[Example] = (),
) -> FittedContext:
    """Drop passages from the end until the prompt fits `budget_tokens`; ids in `keep` (oracles) are never dropped.

    Raises `UserError` where the question with the kept passages alone is over the budget.
    """
    kept, dropped = list(passages), []
    while count_tokens(render(question, kept, style, examples)) > budget_tokens:
        victim = next((i for i in reversed(range(len(kept))) if kept[i].id not in keep), None)
        if victim is None:
            what = "the question with its gold passage" if kept else "the question alone"
            raise UserError(
                f"{what} takes more than {budget_tokens} tokens: {question[:80]!r}",
                "raise generator.context_tokens, or lower corpus.chunk_tokens and run `hybrid index` again",
            )
        dropped.append(kept.pop(victim))
    return FittedContext(tuple(kept), tuple(dropped))


def _user_turn(question: str, passages: Sequence[Passage]) -> str:
    numbered = [f"[{number}] {passage.full_text}" for number, passage in enumerate(passages, start=1)]
    return "\n\n".join([*(numbered or ["(no passages)"]), f"Question: {question}"])
