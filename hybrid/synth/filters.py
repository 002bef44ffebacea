"""Which drafts become questions. Filters run from the cheapest to the dearest, each on what the ones before let pass.

- schema: two lines, a question of a fair length with its mark, an answer where there should be one, of the asked
  length, pattern or JSON Schema;
- standalone: it names what it asks about, and does not speak of "the text" or "the passage";
- grounded: the figures and identifiers of the answer, and most of its words, stand in the marked sentences; those of
  an answer in sentences stand in the passages, statement by statement;
- copied: it is not the passage's own wording;
- duplicate: nothing like it was let pass before;
- retrieved: the base retriever finds the passage within a rank, else nobody can tell a good embedder from a bad one;
- alone: the teacher, given the passage only, gives its own answer again;
- in_context: and so it does among what is retrieved;
- needed: and does not without any passage, else the question measures nothing;
- critic: four scores, and only the best share stays.

Of a question that nothing answers, `alone` and `in_context` ask that the teacher declines; `grounded`, `retrieved` and
`needed` do not apply.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hybrid.answering.citations import unsupported_claims
from hybrid.answering.excerpt import HELD, words_held
from hybrid.answering.pipeline import Pipeline, Request
from hybrid.answering.sources import statements
from hybrid.audit.wording import alike, copied_share
from hybrid.config import SynthConfig, SynthFilter
from hybrid.evaluation.graders import grade, normalise
from hybrid.languages.quantities import quantities
from hybrid.languages.words import find_words
from hybrid.synth.asked_form import SHORT, SPAN_WORDS, AskedForm, said
from hybrid.synth.assignments import Assignment
from hybrid.synth.prompts import CRITERIA, CRITIC_TOKENS, Draft, critic_chat, draft_problem, read_scores
from hybrid.types import Answer, Evidence, Passage, Question

COPIED = 0.7
"""Share of a question that may stand in its passage in one run, as in the audit."""
GROUNDED = 0.5
"""Share of an answer's words that must stand in the marked sentences."""
_DEPENDS = re.compile(
    r"\b(?:(?:the|this|that|given|above|following|marked) (?:text|passage|sentence|document|section|paragraph|excerpt|"
    r"statement|table|context)|according to (?:it|this)|mentioned (?:above|here)|author)\b",
    re.IGNORECASE,
)
_OPENS_WITH_PRONOUN = re.compile(r"\b(?:does|do|did|is|are|was|were|can|must|should|will|has) (?:it|they|this|that)\b")


@dataclass
class Candidate:
    """A draft on its way. `decisions` holds, by filter, "" where it passed and else why it did not."""

    assignment: Assignment
    reply: str
    draft: Draft
    decisions: dict[str, str] = field(default_factory=dict)
    scores: dict[str, int] = field(default_factory=dict)
    form: AskedForm = SHORT

    @property
    def passed(self) -> bool:
        """Whether no filter has dropped it so far."""
        return not any(self.decisions.values())

    @property
    def answerable(self) -> bool:
        """Whether the passages answer it."""
        return self.assignment.kind != "unanswerable"

    @property
    def question(self) -> Question:
        """As graded: a number where the answer is one quantity, `long` where it is longer than a span or is JSON, whose
        values are graded; with the form that is asked for.
        """
        made, answer, form = self.assignment, self.draft.answer, self.form
        asked = Question(f"synth-{made.id}", self.draft.question, answerable=self.answerable, topic=made.kind)
        if not self.answerable:
            return asked
        number = len(answer.split()) <= 4 and len(quantities(answer)) == 1
        long = bool(form.json_schema) or self.is_long
        quoted = zip(made.passages, made.quotes, strict=True)
        return replace(
            asked,
            answers=(answer,),
            positives=tuple(passage.id for passage in made.passages),
            answer_type="long" if long else "number" if number else "span",
            pattern=form.pattern,
            json_schema=form.json_schema,
            evidence=tuple(Evidence(passage.document_id, quote) for passage, quote in quoted),
        )

    @property
    def said(self) -> str:
        """What the answer says, of JSON its values."""
        return said(self.draft.answer, self.form.json_schema)

    @property
    def is_long(self) -> bool:
        """Whether the answer is too long to be a span of its passage."""
        return len(find_words(self.said)) > SPAN_WORDS


Verdicts = Iterator[str]
"""By candidate, in their order: why it is dropped, "" where it is not."""


@dataclass(frozen=True)
class Filters:
    """All filters over one system: the base retriever with the teacher as its generator."""

    pipeline: Pipeline
    options: SynthConfig

    @property
    def in_order(self) -> Mapping[str, Callable[[Sequence[Candidate]], Verdicts]]:
        """Those that are configured by name, the cheapest first."""
        known: Mapping[SynthFilter, Callable[[Sequence[Candidate]], Verdicts]] = {
            "schema": _schema,
            "standalone": _standalone,
            "grounded": _grounded,
            "copied": _copied,
            "duplicate": _duplicate,
            "retrieved": self._retrieved,
            "alone": self._alone,
            "in_context": self._in_context,
            "needed": self._needed,
            "critic": self._critic,
        }
        return {name: judge for name, judge in known.items() if name in self.options.filters}

    def run(self, candidates: Sequence[Candidate]) -> None:
        """Write every filter's decision into the candidates that reach it."""
        for name, judge in self.in_order.items():
            left = [candidate for candidate in candidates if candidate.passed]
            for candidate, reason in zip(left, judge(left) if left else (), strict=True):
                candidate.decisions[name] = reason

    def _retrieved(self, candidates: Sequence[Candidate]) -> Verdicts:
        asked = [candidate.draft.question for candidate in candidates]
        for candidate, hits in zip(candidates, self.pipeline.retrieve(asked, self.options.rank_limit), strict=True):
            found = {hit.passage_id for hit in hits}
            missed = [p.id for p in candidate.assignment.passages if p.id not in found]
            yield (
                f"not among the first {self.options.rank_limit}: {missed[0]}" if candidate.answerable and missed else ""
            )

    def _alone(self, candidates: Sequence[Candidate]) -> Verdicts:
        requests = [Request(c.draft.question, c.assignment.passages, hidden=_own(c)) for c in candidates]
        yield from self._answered(candidates, requests)

    def _in_context(self, candidates: Sequence[Candidate]) -> Verdicts:
        hits = self.pipeline.retrieve([candidate.draft.question for candidate in candidates])
        requests = [
            Request(candidate.draft.question, self.pipeline.lookup(row), hidden=_own(candidate))
            for candidate, row in zip(candidates, hits, strict=True)
        ]
        yield from self._answered(candidates, requests)

    def _needed(self, candidates: Sequence[Candidate]) -> Verdicts:
        requests = [Request(candidate.draft.question, (), hidden=_own(candidate)) for candidate in candidates]
        for candidate, answer in zip(candidates, self.pipeline.answer(requests), strict=True):
            known = candidate.answerable and _agrees(candidate, answer)
            yield f"answered without any passage: {answer.plain[:80]!r}" if known else ""

    def _answered(self, candidates: Sequence[Candidate], requests: Sequence[Request]) -> Verdicts:
        for candidate, answer in zip(candidates, self.pipeline.answer(requests), strict=True):
            yield "" if _agrees(candidate, answer) else f"answered otherwise: {answer.plain[:80]!r}"

    def _critic(self, candidates: Sequence[Candidate]) -> Verdicts:
        chats = [critic_chat(candidate.assignment, candidate.draft) for candidate in candidates]
        replies = self.pipeline.generator.generate(chats, max_new_tokens=CRITIC_TOKENS)
        for candidate, reply in zip(candidates, replies, strict=True):
            candidate.scores = read_scores(reply.text) or {}
        scored = [candidate for candidate in candidates if candidate.scores]
        best = sorted(scored, key=lambda c: (-sum(c.scores.values()), c.assignment.id))
        kept = {candidate.assignment.id for candidate in best[: round(self.options.keep_share * len(scored))]}
        for candidate, reply in zip(candidates, replies, strict=True):
            if not candidate.scores:
                yield f"no four scores: {reply.text[:60]!r}"
            elif candidate.assignment.id not in kept:
                mean = sum(candidate.scores.values()) / len(CRITERIA)
                yield f"scored {mean:.2f}, not among the best {100 * self.options.keep_share:.0f} %"
            else:
                yield ""


def _schema(candidates: Sequence[Candidate]) -> Verdicts:
    for candidate in candidates:
        yield draft_problem(candidate.draft, candidate.assignment.kind, candidate.form)


def _standalone(candidates: Sequence[Candidate]) -> Verdicts:
    for candidate in candidates:
        question = candidate.draft.question
        leans = _DEPENDS.search(question) or (
            _OPENS_WITH_PRONOUN.search(question) if len(question.split()) < 9 else None
        )
        yield f"leans on what the reader does not see: {leans[0]!r}" if leans else ""


def _grounded(candidates: Sequence[Candidate]) -> Verdicts:
    for candidate in candidates:
        if not candidate.answerable:
            yield ""
            continue
        if candidate.is_long:
            yield _unborne(candidate)
            continue
        marked = " ".join(candidate.assignment.quotes)
        headings = " ".join(passage.heading for passage in candidate.assignment.passages)
        if foreign := unsupported_claims(candidate.said, [Passage("marked", f"{headings} {marked}")]):
            yield f"{foreign[0]} is not in the marked sentences"
            continue
        words, known = normalise(candidate.said).split(), set(normalise(f"{headings} {marked}").split())
        share = sum(word in known for word in words) / max(1, len(words))
        yield (
            ""
            if share >= GROUNDED
            else f"{100 * (1 - share):.0f} % of the answer's words are not in the marked sentences"
        )


def _unborne(candidate: Candidate) -> str:
    """What of a long answer its passages do not bear out; "" where they bear out all of it. As a whole it is held to
    what RAFT asks of its oracle, and every statement to what is asked of a short answer.
    """
    passages = candidate.assignment.passages
    if foreign := unsupported_claims(candidate.said, passages):
        return f"{foreign[0]} is not in the passages"
    held = "\n".join(passage.full_text for passage in passages)
    told = (text for text in statements(candidate.said) if words_held(held, text) < GROUNDED)
    if foreign_statement := next(told, ""):
        return f"not in the passages: {foreign_statement[:80]!r}"
    share = words_held(held, candidate.said)
    return "" if share >= HELD else f"{100 * (1 - share):.0f} % of the answer's words are not in the passages"


def _copied(candidates: Sequence[Candidate]) -> Verdicts:
    for candidate in candidates:
        share = max(copied_share(candidate.draft.question, p.full_text) for p in candidate.assignment.passages)
        yield f"{100 * share:.0f} % of it stands in the passage in one run" if share >= COPIED else ""


def _duplicate(candidates: Sequence[Candidate]) -> Verdicts:
    doubles: dict[int, int] = {}
    for first, second in alike([candidate.question for candidate in candidates]):
        if first not in doubles:
            doubles.setdefault(second, first)
    for place in range(len(candidates)):
        twin = doubles.get(place)
        yield f"like {candidates[twin].assignment.id}" if twin is not None else ""


def _own(candidate: Candidate) -> list[str]:
    """The passages that its answer stands in: no worked example may show them."""
    return [passage.id for passage in candidate.assignment.passages]


def _agrees(candidate: Candidate, answer: Answer) -> bool:
    # a list of one number in JSON looks like a marker
    texts = [answer.plain, *([answer.text] if candidate.form.json_schema else [])]
    return any(grade(text, candidate.question, abstained=answer.abstained).correct for text in texts)
