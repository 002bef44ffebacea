"""Worked examples for the prompt: training questions with their answers, those most like the question asked.

Their vectors are an artefact, so that a question does not wait for all of train to be encoded. What an example shows of
its passage is cut to the sentences round the answer; one whose answer does not survive that is none. A question is
never its own example, and an example never rests on a passage that is hidden for the question: wherever answers are
measured or trained on these are its gold passages, or the example would give away what the search was to find.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.answering.excerpt import Excerpts, answer_survives, contains_answer
from hybrid.answering.prompt import ABSTENTION, Asked, Example, PromptForm, target_text
from hybrid.answering.sources import supporting_sentence
from hybrid.artifacts import Build, Manifest, publish_once
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.protocols import Embedder, Vectors, VectorStore
from hybrid.types import Passage, Question

VERSION = 1
ROWS, VECTORS = "examples.jsonl", "questions.npy"
_JUDGED = ("yes_no", "yes_no_maybe", "choice", "long")
"""Answers that need not stand in their passage word for word."""
_FOUND = 5
"""Passages kept for a question that declines: the first that may be shown is."""
_DECLINING_SHARE = 3
"""Of so many examples at most one declines, where there are others: more would teach to decline."""


def build_examples(
    questions: Callable[[], Sequence[Question]],
    passages: Mapping[str, Passage],
    embedder: Embedder,
    store: VectorStore,
    *,
    target: Path,
    inputs: Mapping[str, str],
) -> Manifest:
    """Publish what can be an example among the training questions, with vectors, unless it lies there. A question that
    nothing answers keeps the passages that `store` finds for it. `questions` are asked for only where there is work.
    """

    def make(build: Build) -> None:
        train = [question for question in questions() if question.split == "train"]
        rows = [row for question in train if (row := _answering(question, passages)) is not None]
        never = [question for question in train if not question.answerable]
        vectors = _encode(embedder, [*(row["question"] for row in rows), *(question.question for question in never)])
        found = store.search(vectors[len(rows) :], _FOUND)[0] if never else []
        declining = [
            {"question": question.question, "answer": None, "quote": "", "positives": [], "passages": list(ids)}
            for question, ids in zip(never, found, strict=True)
        ]
        write_jsonl(build.path / ROWS, [*rows, *declining])
        np.save(build.path / VECTORS, vectors)
        build.counts.update(answering=len(rows), declining=len(declining))

    return publish_once(target, "examples", VERSION, {}, inputs, make)


@dataclass(frozen=True)
class ExampleBank:
    """The published examples, read at first use. `tokens`: of the passage of each, as far as it is shown."""

    folder: Path
    embedder: Embedder
    passages: Mapping[str, Passage]
    tokens: int
    _cache: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def choose(self, asked: Sequence[Asked], num: int, form: PromptForm) -> list[tuple[Example, ...]]:
        """At most `num` examples for each question, the most alike that answers last, the others before it by likeness.
        Of two or more one declines, where train has such; of many at most every third does.
        """
        if not self._rows or not asked:
            return [() for _ in asked]
        names = list(dict.fromkeys(one.question for one in asked))
        fresh = [name for name in names if ("vector", name) not in self._cache]
        for name, vector in zip(fresh, _encode(self.embedder, fresh), strict=True):
            self._cache["vector", name] = vector
        return [self._choose(one, num, form) for one in asked]

    def _choose(self, asked: Asked, num: int, form: PromptForm) -> tuple[Example, ...]:
        likeness = self._vectors @ self._cache["vector", asked.question]
        order = [int(place) for place in np.argsort(-likeness, kind="stable")]
        wanted = [place for place in order if not self._is_barred(self._rows[place], asked)]
        answering = list(self._first(wanted, num, asked, form, declines=False))
        most = max(1, num // _DECLINING_SHARE) if num > 1 else 0
        declining = list(self._first(wanted, most, asked, form, declines=True))
        # by likeness, but one place is kept for an example that declines
        merged = sorted([*answering, *declining], key=lambda pair: order.index(pair[0]))[:num]
        if declining and declining[0] not in merged:
            merged = [*merged[:-1], declining[0]] if len(merged) == num else [*merged, declining[0]]
        # a small model says again what it said last: the nearest to the question is one that answers
        merged.sort(key=lambda pair: pair not in answering[:1])
        return tuple(example for _, example in reversed(merged))

    def _first(
        self, places: Sequence[int], num: int, asked: Asked, form: PromptForm, *, declines: bool
    ) -> Iterator[tuple[int, Example]]:
        seen: set[tuple[str, str]] = set()
        for place in places:
            row = self._rows[place]
            if len(seen) == num:
                return
            if (row["answer"] is None) != declines:
                continue
            passage = self._shown(place, asked, form)
            # paraphrases of one question say the same thing again
            if passage is None or (key := (passage.id, row["answer"] or row["question"])) in seen:
                continue
            seen.add(key)
            target = ABSTENTION if declines else target_text(row["answer"], 1, row["quote"], form.style)
            yield place, Example((passage,), row["question"], target)

    def _is_barred(self, row: Mapping[str, Any], asked: Asked) -> bool:
        same = _plain(row["question"]) == _plain(asked.question)
        return same or not asked.hidden.isdisjoint(row["positives"])

    def _shown(self, place: int, asked: Asked, form: PromptForm) -> Passage | None:
        """The passage of an example, cut; None where there is none to show, or its answer would be cut off."""
        row = self._rows[place]
        may = [identity for identity in row["passages"] if identity not in asked.hidden and identity in self.passages]
        first = next((identity for identity in may if asked.among is None or identity in asked.among), None)
        if first is None:
            return None
        limit = min(self.tokens, form.excerpts.max_tokens or self.tokens)
        key = (place, first, limit, form.excerpts.fields, form.excerpts.omit_orders)
        if key not in self._cache:
            options = form.excerpts
            excerpts = Excerpts(options.fields, limit, options.count, options.omit_orders)
            self._cache[key] = _cut(self.passages[first], row, excerpts)
        shown: Passage | None = self._cache[key]
        return shown

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        return [row for _, row in read_jsonl(self.folder / ROWS)]

    @cached_property
    def _vectors(self) -> Vectors:
        vectors: Vectors = np.load(self.folder / VECTORS, allow_pickle=False)
        return vectors


def _answering(question: Question, passages: Mapping[str, Passage]) -> dict[str, Any] | None:
    """What is kept of a question that its passage answers; None of any other."""
    if not (question.answerable and question.answers and question.positives):
        return None
    answer, judged = question.answers[0], question.answer_type in _JUDGED
    gold = [passages[identity] for identity in question.positives if identity in passages]
    holding = [passage for passage in gold if judged or contains_answer(passage.full_text, answer)]
    if not holding:
        return None
    quotes = [evidence.quote for evidence in question.evidence if evidence.quote in holding[0].text]
    quote = quotes[0] if quotes else supporting_sentence(answer, holding[0])
    return {
        "question": question.question,
        "answer": answer,
        "quote": quote,
        "positives": list(question.positives),
        "passages": [passage.id for passage in holding[:1]],
    }


def _cut(passage: Passage, row: Mapping[str, Any], excerpts: Excerpts) -> Passage | None:
    near = row["question"] if row["answer"] is None else f"{row['quote']} {row['answer']}"
    shown = excerpts.show(passage, near)
    if row["answer"] is not None and not answer_survives([row["answer"]], passage.full_text, shown):
        return None
    return replace(passage, text=shown.removeprefix(f"{passage.heading}\n"))


def _encode(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    return embedder.encode_queries(texts) if texts else np.zeros((0, embedder.dim), dtype=np.float32)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip("?!. ")
