"""Questions by a teacher model: written, filtered, and kept with every decision that was made about them."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hybrid.answering.generation_cache import CachedGenerator
from hybrid.answering.pipeline import Pipeline
from hybrid.artifacts import Manifest, current, publish, require, write_text
from hybrid.config import Config
from hybrid.errors import UserError
from hybrid.jsonl import write_jsonl
from hybrid.synth.asked_form import SHORT, AskedForm
from hybrid.synth.assignments import Assignment, assign
from hybrid.synth.filters import Candidate, Filters
from hybrid.synth.prompts import CRITIC_TOKENS, Draft, answer_problem, critic_chat, draft_chat, read_draft
from hybrid.synth.split import split_of
from hybrid.types import Chat, Passage, Question

VERSION = 3
QUESTIONS = "questions.jsonl"
YIELD = f"{QUESTIONS}.yield.json"
"""What each filter let pass: a data card reads it beside the questions."""
_FIRST = 8
"""Drafts that are written to tell the pace; they are kept."""
_ANSWERING = ("alone", "in_context", "needed")
"""Filters that put the question to the teacher, in a prompt of `generator.context_tokens` at most."""


@dataclass(frozen=True)
class Estimate:
    """An upper bound, as if every draft passed every filter and nothing were cached. `seconds` from the pace of the
    first drafts that are not; None where too few are left to tell it. `answers`: the form that is asked for.
    """

    drafts: int
    prompts: int
    tokens_in: int
    tokens_out: int
    seconds: float | None
    price: float
    answers: str = ""

    @property
    def sentence(self) -> str:
        """For the person who waits, or pays."""
        if not self.drafts:
            return "nothing is left to pay: it is up to date"
        time = (
            f": at most {self.seconds / 60:.0f} min at the pace of the first ones" if self.seconds is not None else ""
        )
        cost = f", {self.price:.2f} at the configured prices" if self.price else ""
        return (
            f"{self.drafts} drafts, at most {self.prompts} prompts with {self.tokens_in:,} tokens in and "
            f"{self.tokens_out:,} out{time}{cost}" + (f"; {self.answers}" if self.answers else "")
        )


NOTHING_LEFT = Estimate(0, 0, 0, 0, None, 0.0)


def estimate(
    assignments: Sequence[Assignment], teacher: CachedGenerator, config: Config, form: AskedForm = SHORT
) -> Estimate:
    """Count tokens, and time the first drafts that are not cached yet; they are not paid twice."""
    options = config.synth
    chats = [draft_chat(assignment, form) for assignment in assignments]
    num_answers = sum(name in options.filters for name in _ANSWERING)
    tokens_in = sum(map(teacher.count_tokens, chats)) + len(chats) * num_answers * config.generator.context_tokens
    tokens_out = len(chats) * (options.draft_tokens + num_answers * config.generator.max_new_tokens)
    prompts = len(chats) * (1 + num_answers)
    if "critic" in options.filters:
        empty = Draft("", "")
        tokens_in += sum(teacher.count_tokens(critic_chat(assignment, empty)) for assignment in assignments)
        tokens_in += len(chats) * options.draft_tokens
        tokens_out += len(chats) * CRITIC_TOKENS
        prompts += len(chats)
    pace = _pace(chats, teacher, options.draft_tokens)
    price = (tokens_in * options.price_in + tokens_out * options.price_out) / 1e6
    seconds = None if pace is None else pace * prompts
    return Estimate(len(chats), prompts, tokens_in, tokens_out, seconds, price, form.sentence)


def _pace(chats: Sequence[Chat], teacher: CachedGenerator, max_new_tokens: int) -> float | None:
    """Seconds a draft."""
    fresh = teacher.missing(chats, max_new_tokens=max_new_tokens)[: 1 + _FIRST]
    # the first one of all waits for the model to be loaded
    teacher.generate(fresh[:1], max_new_tokens=max_new_tokens)
    started = time.perf_counter()
    teacher.generate(fresh[1:], max_new_tokens=max_new_tokens)
    return (time.perf_counter() - started) / len(fresh[1:]) if fresh[1:] else None


def plan(passages: Sequence[Passage], config: Config) -> list[Assignment]:
    """What will be asked of the teacher. Raises `UserError` where the documents have no usable sentence."""
    options = config.synth
    found = assign(
        passages,
        num=options.num_drafts,
        shares=options.shares,
        personas=options.personas,
        side=partial(split_of, dev_share=options.dev_share, seed=config.seed),
        seed=config.seed,
    )
    if not found:
        raise UserError(
            "no sentence of these documents can be asked about", "add documents with whole sentences, or other kinds"
        )
    return found


def write_questions(
    assignments: Sequence[Assignment],
    pipeline: Pipeline,
    *,
    config: Config,
    target: Path,
    inputs: Mapping[str, str],
    facts: Mapping[str, Any],
    record: Callable[[Question], dict[str, Any]],
    form: AskedForm = SHORT,
) -> Manifest:
    """Publish drafts.jsonl (every draft with every decision), questions.jsonl and `YIELD` beside it.

    `pipeline` answers with the teacher; where that is cached, a killed run goes on where it stopped. `record` makes a
    line of a question that is kept. `form`: of the answers, as it is asked for and judged.
    """
    if done := written(target, config, inputs, form):
        return done
    side = partial(split_of, dev_share=config.synth.dev_share, seed=config.seed)
    with publish(target, "synth", VERSION, _settings(config, form), inputs) as build:
        chats = [draft_chat(assignment, form) for assignment in assignments]
        replies = pipeline.generator.generate(chats, max_new_tokens=config.synth.draft_tokens)
        candidates = [
            Candidate(
                assignment,
                reply.text,
                read_draft(reply.text, form, answerable=assignment.kind != "unanswerable"),
                form=form,
            )
            for assignment, reply in zip(assignments, replies, strict=True)
        ]
        filters = Filters(pipeline, config.synth)
        filters.run(candidates)
        kept = [candidate for candidate in candidates if candidate.passed]
        write_jsonl(build.path / "drafts.jsonl", map(_draft_row, candidates))
        questions = (replace(c.question, split=side(c.assignment.passages[0])) for c in kept)
        write_jsonl(build.path / QUESTIONS, map(record, questions))
        told = {"filters": yields(candidates, list(filters.in_order)), "kinds": _kinds(candidates), **facts}
        told["answers"] = {"asked": form.sentence, "dropped": _dropped_answers(candidates)}
        told["notes"] = [*form.notes, *_notes(candidates, kept)]
        write_text(build.path / YIELD, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
        build.counts.update(drafts=len(candidates), questions=len(kept))
        build.facts.update(told)
    return require(target, "hybrid synth --teacher")


def written(target: Path, config: Config, inputs: Mapping[str, str], form: AskedForm = SHORT) -> Manifest | None:
    """What `write_questions` would publish, where it lies there already."""
    return current(target, "synth", VERSION, _settings(config, form), inputs)


def _settings(config: Config, form: AskedForm) -> dict[str, Any]:
    generator = {"context_tokens": config.generator.context_tokens, "max_new_tokens": config.generator.max_new_tokens}
    sections = {name: getattr(config, name).model_dump(mode="json") for name in ("synth", "answering")}
    return {
        **sections,
        "retrieval": config.retrieval.settings(),
        "generator": generator,
        "seed": config.seed,
        "form": asdict(form),
    }


def yields(candidates: Sequence[Candidate], names: Sequence[str]) -> list[dict[str, Any]]:
    """By filter, how many drafts reached it and how many passed."""
    reached = {name: [c for c in candidates if name in c.decisions] for name in names}
    return [
        {"filter": name, "reached": len(found), "passed": sum(not c.decisions[name] for c in found)}
        for name, found in reached.items()
    ]


def _kinds(candidates: Sequence[Candidate]) -> dict[str, dict[str, int]]:
    drafted = Counter(candidate.assignment.kind for candidate in candidates)
    kept = Counter(candidate.assignment.kind for candidate in candidates if candidate.passed)
    return {kind: {"drafts": count, "kept": kept[kind]} for kind, count in drafted.items()}


def _dropped_answers(candidates: Sequence[Candidate]) -> dict[str, int]:
    """How many drafts were dropped for the form of their answer, by what is wrong with it."""
    kinds = (answer_problem(candidate.decisions.get("schema", "")) for candidate in candidates)
    return dict(Counter(filter(None, kinds)).most_common())


def _notes(candidates: Sequence[Candidate], kept: Sequence[Candidate]) -> list[str]:
    notes = []
    totals = {sum(candidate.scores.values()) for candidate in candidates if candidate.scores}
    if len(totals) == 1 and len(kept) > 1:
        notes.append("the critic gave all questions the same scores: its choice is a lottery, take a larger teacher")
    if len(kept) < 0.2 * len(candidates):
        notes.append(
            f"{len(kept)} of {len(candidates)} drafts were kept: this teacher is too weak for these documents; "
            "`hybrid synth` without --teacher makes training questions for the embedder with no model at all"
        )
    if kept and not any(not candidate.answerable for candidate in kept):
        notes.append("no unanswerable question was kept: write some by hand, or the generator never learns to decline")
    return notes


def _draft_row(candidate: Candidate) -> dict[str, Any]:
    assignment = candidate.assignment
    return {
        "id": assignment.id,
        "kind": assignment.kind,
        "persona": assignment.persona,
        "passages": [passage.id for passage in assignment.passages],
        "quotes": list(assignment.quotes),
        "reply": candidate.reply,
        "question": candidate.draft.question,
        "answer": candidate.draft.answer,
        "kept": candidate.passed,
        "decisions": {name: reason or "passed" for name, reason in candidate.decisions.items()},
        "scores": candidate.scores,
    }
