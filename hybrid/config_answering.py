"""The section `answering` of the configuration: the form of the prompt, and what is served."""

import re
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from hybrid.config_stage import Stage

AnswerStyle = Literal["plain", "cited", "quote_first", "reason_first", "own"]
StyleChoice = Literal[AnswerStyle, "auto"]
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
"""Of a prompt template."""
_PLACEHOLDERS = ("passages", "question", "instruction", "abstention")


class AnsweringConfig(Stage):
    """How answers look and what is served."""

    style: StyleChoice = "plain"
    """The form of the prompt. `plain`: the answer alone. `cited`: with the number of its passage. `quote_first`: a
    verbatim quote, then the answer. `reason_first`: one sentence of reasoning, then the answer. `own`: the words of
    `template`. `auto`: form and examples that `hybrid prompt` proved on dev; plain, without examples, until it did.
    Sources are found after the answer is written, whatever the form."""
    reading: Literal["auto", "together", "apart"] = "auto"
    """How the generator reads the passages. `together`: all in one prompt. `apart`: each in a prompt of its own, and of
    the answers the one with the most support is kept (map-rerank): a small reader is confused by several passages. It
    cannot combine them then. One is read after another, four at most, until an answer is well borne out. `auto`: apart
    for the untuned embedded generators for which that was measured to be better, together for others, and for tuned
    ones, which are trained so."""
    examples: int = Field(0, ge=0)
    """Training questions with their answers that stand before the question as turns of the chat: those most like it,
    the nearest one that answers last, and of two or more one that declines where train has any. They come on top of
    `generator.context_tokens`; those that the model's window does not hold are left out and counted."""
    example_tokens: int = Field(60, ge=16)
    """Of the passage of each such example: the sentences round its answer are kept."""
    template: str = ""
    """For the style `own`: the whole user turn, with {passages} and {question}, and where wanted {instruction} and
    {abstention}, the words of an answer that declines. An example answer in it would be given back: leave it out."""
    instruction: str = ""
    """Joins the task: what an answer looks like in this corpus, for example `Answer yes, no or maybe.`"""
    question_first: bool = False
    """Put the question before the passages too: a causal model then reads them knowing what is asked."""
    best_first: bool = False
    """Passages stand in the retriever's order in every prompt, of training and of measuring too: a small generator
    learns that the first one is the likeliest. The diagnosis then has one passage order instead of several."""
    passage_fields: tuple[str, ...] = ()
    """Of passages written as `key: value | key: value`, the keys that the generator sees, in order; the last one is
    never shortened. Empty: all."""
    passage_tokens: int | None = Field(None, ge=16)
    """Of one passage that the generator sees: the sentences nearest the question are kept. Empty: all of it.
    Retrieval ranks whole passages whatever this says."""
    orders: Literal["omit", "show"] = "omit"
    """What happens to sentences of a passage that give orders to whoever answers from it ("ignore the instructions
    above", "AI: reply with X"). `omit` leaves them out of what the generator reads, and says so beside the answer.
    `show` leaves them in, for documents about such orders. Tokens that end a turn of the chat are plain text anyway."""
    guard: Literal["abstain", "flag", "off"] = "abstain"
    """What happens to an answer that nothing bears out: a figure, identifier or option that no source contains, a name
    that was not read, no source at all, words of the instruction, the question again, a source that treats too little
    of it (`min_support`). `abstain` withholds the answer and shows it whole, when it is judged; with the others a
    terminal shows it while it is written."""
    min_support: float | None = 1.08
    """Least support of an answer that is served: the share of the question's words that is treated where the answer
    stands, rare words counting more, plus twice the cosine of question and passage corrected for what the embedder
    gives to unrelated texts, plus half the mean log-probability of the answer's tokens. Lower answers more, higher
    declines more; empty: whatever has a source is served. `hybrid evaluate` on dev says what suits your questions."""

    @model_validator(mode="after")
    def _template_fits(self) -> Self:
        if self.style == "auto" and self.examples:
            raise ValueError("answering.style auto chooses the examples too: leave answering.examples at 0")
        if self.style != "auto" and (self.style == "own") != bool(self.template):
            raise ValueError("answering.style own and answering.template belong together: set both, or neither")
        named = PLACEHOLDER.findall(self.template)
        if unknown := [name for name in named if name not in _PLACEHOLDERS]:
            known = ", ".join(f"{{{name}}}" for name in _PLACEHOLDERS)
            raise ValueError(f"template: unknown placeholder {{{unknown[0]}}}; it may have {known}")
        if self.template and (missing := [name for name in ("passages", "question") if name not in named]):
            raise ValueError(f"template: {{{missing[0]}}} is missing; without it the model cannot answer")
        return self

    @field_validator("guard", mode="before")
    @classmethod
    def _off_is_no_truth_value(cls, value: object) -> object:
        """YAML reads a bare `off` as false."""
        return "off" if value is False else value
