"""The records that travel between stages. All are frozen; ranks start at 1; character spans are half-open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

Scalar = str | int | float | bool
MetadataValue = Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One file or record as read. `source` is its path relative to the corpus folder, or its id in a public set.

    `format` is the suffix of the file. `marks`: offsets from which on the place in the source is known, as a suffix of
    `source` (`#page=3`, `:12`). `records`: every mark begins a record, which is a passage of its own.
    `metadata` is that of the whole document; `record_metadata`, where it is not empty, has that of every record, and
    `record_sections` the section that each stands in.
    """

    id: str
    text: str
    source: str
    title: str = ""
    format: str = ""
    marks: tuple[tuple[int, str], ...] = ()
    records: bool = False
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict, hash=False)
    record_metadata: tuple[Mapping[str, MetadataValue], ...] = field(default=(), hash=False)
    record_sections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A span of a document that is retrieved, shown to the generator, and cited as one piece.

    `start_char` and `end_char` index into the text of the document as read (after markup is removed). Where a table
    had to be cut, its header stands before every part and is not in the span. `metadata`: what is known of it beside
    its text, from fields of a record or of a file's front matter; neither embedder nor generator reads it.
    """

    id: str
    text: str
    title: str = ""
    section: str = ""
    document_id: str = ""
    source: str = ""
    start_char: int = 0
    end_char: int = 0
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict, hash=False)

    @property
    def heading(self) -> str:
        """Title and section on one line; empty where the source has neither."""
        return " › ".join(part for part in (self.title, self.section) if part)

    @property
    def full_text(self) -> str:
        """What the embedder reads: heading and text."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the answer of a question stands: a verbatim quote of a source document."""

    source: str
    quote: str


@dataclass(frozen=True, slots=True)
class Question:
    """An evaluation or training question. `positives` are ids of gold passages, resolved from `evidence` if given.

    `pattern` (a regular expression for the whole answer) and `json_schema` (JSON text) say which form a valid answer
    has; "" where none is asked for. `case` (golden, edge, failure) and `group` (of people, regions, products …) are
    tags that an audit counts. `origin` says where a question comes from ("users", "paraphrase" …): questions of another
    phrasing or source are measured apart.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    positives: tuple[str, ...] = ()
    split: str = "test"
    answer_type: str = "span"
    answerable: bool = True
    topic: str = ""
    evidence: tuple[Evidence, ...] = ()
    pattern: str = ""
    json_schema: str = ""
    case: str = ""
    group: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage. `score` is a similarity: higher is better. `rank` starts at 1."""

    passage_id: str
    score: float
    rank: int


def ranked(ids: Sequence[str], scores: Sequence[float]) -> list[Hit]:
    """The hits of a ranking that stands best first."""
    return [Hit(identity, score, rank) for rank, (identity, score) in enumerate(zip(ids, scores, strict=True), start=1)]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat. `role` is system, user or assistant."""

    role: str
    content: str


Chat = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Generation:
    """What a generator returned. `finish_reason` is "stop" or "length". `logprob`: mean log-probability of its new
    tokens in nats, None where the engine does not say; two that differ in it alone are equal, as it is rounded.
    """

    text: str
    finish_reason: str
    num_prompt_tokens: int
    num_new_tokens: int
    logprob: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Citation:
    """A marker of the answer, the passage it points to, and the sentence there that supports the answer best."""

    marker: int
    passage_id: str
    span: str


class Withheld(StrEnum):
    """Why an answer is not served."""

    FIGURE = "figure"
    """A figure or identifier of it stands in no passage that it rests on."""
    ECHO = "echo"
    """Its words are those of the instruction."""
    REPEATS = "repeats the question"
    """It says the question again and nothing else."""
    NO_SOURCE = "no source"
    """None of its statements stands in a passage that was shown."""
    OFF_TOPIC = "off topic"
    """Where it stands, too little of what was asked is treated."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A parsed answer.

    `text` is what the generator wrote, `final` the answer proper within it, `plain` that without markers, `served` that
    with markers where a source was found. `abstained` says that the generator itself declined. `citations` are the
    sources as found, `unsourced` the statements that have none. `unsupported` lists figures and identifiers of the
    answer that no cited passage contains; `echo`: its words are the instruction's; `support`: see
    `grounding.ground`. `reason`: what speaks against serving it; `withheld` says
    that the guard turned it into an abstention for that. `context` lists the passage ids that the generator received,
    in order, `shown` their texts as it read them, and `dropped` the ids of those that did not fit its token budget.
    `examples` counts the worked examples in its prompt, `examples_left_out` those that did not fit the model's window.
    `prompt_tokens` and `new_tokens` were read and written for it, in all of its prompts.
    """

    text: str
    plain: str
    abstained: bool
    final: str = ""
    served: str = ""
    citations: tuple[Citation, ...] = ()
    unsupported: tuple[str, ...] = ()
    unsourced: tuple[str, ...] = ()
    echo: bool = False
    support: float = 0.0
    reason: Withheld | None = None
    withheld: bool = False
    context: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    examples: int = 0
    examples_left_out: int = 0
    prompt_tokens: int = 0
    new_tokens: int = 0

    @property
    def served_abstention(self) -> bool:
        """Whether the person who asked is told that the answer is not known."""
        return self.abstained or self.withheld


class Arm(StrEnum):
    """The contexts under which a question is answered for diagnosis."""

    RETRIEVED = "retrieved"
    ORACLE_IN_DISTRACTORS = "oracle_in_distractors"
    ORACLE = "oracle"
    CLOSED_BOOK = "closed_book"
    IRRELEVANT = "irrelevant"
    REPROMPTED = "reprompted"
    """What is retrieved with another prompt before the query: run where the ranks of the gold speak for that prompt."""
    REWORDED = "reworded"
    """What is retrieved, asked in another form of the prompt: run where the answers to a sample speak for that form."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question answered under one arm in one passage order. `score` is in [0, 1]; `exact`: equals a gold answer;
    `cited_gold`: how many of `cited` are gold. `gold_in_context` is None where nobody recorded it.
    """

    question_id: str
    arm: Arm
    order: int
    score: float
    correct: bool
    abstained: bool
    gold_in_context: bool | None
    text: str
    cited: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    exact: bool = False
    cited_gold: int = 0


class Label(StrEnum):
    """What a failed or lucky question is attributed to."""

    MISSING = "MISSING"
    RETRIEVAL = "RETRIEVAL"
    """Right from the gold passages; what kept them from the generator was not recorded."""
    RANKED_LOW = "RANKED_LOW"
    WRONG_DOCUMENTS = "WRONG_DOCUMENTS"
    WRONG_DOCUMENTS_DISTRACTED = "WRONG_DOCUMENTS+DISTRACTED"
    BOTH = "BOTH"
    WRONG_ANSWER = "WRONG_ANSWER"
    DISTRACTED = "DISTRACTED"
    ORDER = "ORDER"
    WRONG_PROMPT = "WRONG_PROMPT"
    LUCKY = "LUCKY"
    PARAMETRIC = "PARAMETRIC"
    CORRECT = "CORRECT"
    OVER_ANSWER = "OVER_ANSWER"
    CORRECT_ABSTENTION = "CORRECT_ABSTENTION"


class Layer(StrEnum):
    """What can be changed."""

    CORPUS = "corpus"
    RETRIEVAL = "retrieval"
    """Of the retrieval side, where it was not recorded which part failed."""
    RANKING = "ranking"
    EMBEDDER = "embedder"
    GENERATOR = "generator"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float
    num: int
