"""The section `retrieval` of the configuration: how a question finds its passages."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from hybrid.config_stage import Stage
from hybrid.errors import ConfigError
from hybrid.passage_filter import parse_conditions

Language = Literal[
    "none", "danish", "dutch", "english", "french", "german", "italian", "norwegian", "portuguese", "russian",
    "spanish", "swedish",
]  # fmt: skip


class RetrievalConfig(Stage):
    """Search."""

    k: int = Field(8, ge=1)
    """Passages that the generator sees."""
    depth: int = Field(100, ge=1)
    """Passages ranked for evaluation and diagnosis; of two rankings that are fused, the first so many."""
    mode: Literal["dense", "lexical", "rrf", "weighted", "auto"] = "weighted"
    """What ranks. `dense`: the embedder's vectors; `lexical`: words (BM25); `rrf`: both, by reciprocal ranks;
    `weighted`: both, by `lexical_weight`; `auto`: what dev chooses, `dense` unless another is proven better."""
    lexical_weight: float = Field(0.4, ge=0, le=1)
    """Of the words in mode `weighted`; the vectors weigh the rest."""
    stop_words: Language = "english"
    """Whose common words are left out of the lexical index."""
    stemmer: Language = "english"
    """Whose endings are cut off the words of the lexical index (Snowball); identifiers stay whole as well."""
    reranker: str = ""
    """A cross-encoder, by hub name or local folder, that reads each question beside each passage and puts the first
    hits in its own order. `hybrid index` measures on dev what it gains. Empty: none; none is embedded."""
    rerank_depth: int = Field(30, ge=2)
    """How many of the first hits it reads; those behind keep their order."""
    where: tuple[str, ...] = ()
    """Conditions that a passage must fulfil to be found, all of them: `[status!=obsolete, source=manuals/*]`. What does
    not is as if it were in no document. `hybrid query --where` adds some for a question."""

    @field_validator("where", mode="before")
    @classmethod
    def _one_condition_may_stand_alone(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("where")
    @classmethod
    def _are_conditions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            parse_conditions(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _reranker_reads_what_is_shown(self) -> Self:
        if self.reranker == "embedded":
            raise ValueError("reranker: no cross-encoder is embedded; name one of the hub, or a local folder")
        if self.reranker and not self.k <= self.rerank_depth <= self.depth:
            raise ValueError(
                f"rerank_depth is {self.rerank_depth}: with a reranker it must reach k ({self.k}), which is shown, and "
                f"not go beyond depth ({self.depth}), which is ranked"
            )
        return self

    def settings(self) -> dict[str, Any]:
        """What of this decides a result, for the ids of artefacts: keys that the mode does not use are left out.

        The reranker's name never: `reranked_by` is among the inputs instead.
        """
        unused = {"reranker", "mode", "stop_words", "stemmer"} if self.mode == "dense" else {"reranker"}
        if not self.reranker:
            unused.add("rerank_depth")
        if not self.where:
            unused.add("where")
        if self.mode != "weighted":
            unused.add("lexical_weight")
        return self.model_dump(mode="json", exclude=unused)

    def reranked_by(self, fingerprint: str) -> str:
        """What an artefact that rests on a reranker's order names among its inputs."""
        return f"{fingerprint}, depth {self.rerank_depth}"
