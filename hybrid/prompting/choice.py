"""The form of the prompt and the number of worked examples, chosen on dev by what is served.

Successive halving (Karnin, Koren & Somekh, *Almost Optimal Exploration in Multi-Armed Bandits*, 2013): all candidates
answer a few questions, the better half twice as many, until two are left, which are held against the present prompt on
all. Whatever the halving picked, a gain is proven only where a lower bound that is good for every candidate at once
(Bonferroni over all that began) lies above 0. Where none is, the present prompt stays.
"""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hybrid.answering.pipeline import Pipeline, Request
from hybrid.artifacts import Manifest, publish, require
from hybrid.config import Config
from hybrid.config_answering import AnswerStyle
from hybrid.errors import TooLittleDataError, UserError
from hybrid.evaluation.attribution import jsonable
from hybrid.evaluation.graders import served_right
from hybrid.evaluation.questions import cluster_of
from hybrid.evaluation.statistics import paired_interval, share_interval, simultaneous_lower_bounds
from hybrid.jsonl import write_jsonl
from hybrid.prompting.settled import COMMAND, KIND, VERSION, Prompt, present_prompt, settings_of
from hybrid.protocols import Generator
from hybrid.types import Question

EXAMPLES = (0, 3, 10)
_FIRST = (16, 12, 8, 6, 4)
"""Questions of the first round, as many of these as the budget allows."""
_STYLES: tuple[AnswerStyle, ...] = ("plain", "cited", "quote_first", "reason_first")
_LAST = 2
_PROBED = 2
"""Prompts of each candidate that are counted before anything is told."""
_RISK = 0.05


@dataclass(frozen=True, slots=True)
class Round:
    """So many candidates beside the present prompt, until each has answered so many questions."""

    candidates: int
    questions: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What a choice may cost: answers, or minutes by a measured answer. Neither: as much as the rounds take."""

    answers: int | None = None
    minutes: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """`600` answers or `20m` minutes. Raises `UserError` for anything else."""
        number, minutes = text.removesuffix("m"), text.endswith("m")
        try:
            value = float(number) if minutes else int(number)
        except ValueError:
            value = 0
        if not (math.isfinite(value) and value > 0):
            raise UserError(f"--budget {text}: neither answers nor minutes", "write 600 for answers or 20m for minutes")
        return cls(minutes=value) if minutes else cls(answers=int(value))


def candidates(config: Config, num_examples: int) -> list[Prompt]:
    """All forms, the team's own where it has one, with as many examples as train has; without the present prompt."""
    styles = (*_STYLES, "own") if config.answering.template else _STYLES
    numbers = [number for number in EXAMPLES if number <= num_examples]
    found = [Prompt(style, number) for number in numbers for style in styles]
    return [prompt for prompt in found if prompt != present_prompt(config)]


def plan_rounds(num_candidates: int, num_questions: int, budget: int | None = None) -> list[Round]:
    """The rounds of a halving; the last one asks as many questions as the budget of answers leaves.

    Raises `UserError` where that is less than twice what the smallest rounds before it take.
    """
    plan: list[Round] = []
    for first in _FIRST:
        plan = _halving(num_candidates, num_questions, first)
        before = num_answers(plan[:-1])
        if budget is None or num_answers(plan) <= budget:
            return plan
        if 2 * before <= budget:
            reached = plan[-2].questions if len(plan) > 1 else 0
            more = (budget - before) // (plan[-1].candidates + 1)
            return [*plan[:-1], Round(plan[-1].candidates, min(num_questions, reached + more))]
    raise UserError(
        f"a budget of {budget} answers is too small to tell {num_candidates + 1} prompts apart",
        f"allow {2 * num_answers(plan[:-1])} answers or more",
    )


def num_answers(plan: Sequence[Round]) -> int:
    """Answers that the rounds take; the present prompt is in each."""
    reached = [0, *(each.questions for each in plan)]
    return sum((each.candidates + 1) * (each.questions - past) for each, past in zip(plan, reached, strict=False))


def _halving(num_candidates: int, num_questions: int, first: int) -> list[Round]:
    plan, left, asked = [], num_candidates, first
    while left > _LAST:
        plan.append(Round(left, min(asked, num_questions)))
        left, asked = (left + 1) // 2, 2 * asked
    return [*plan, Round(left, num_questions)]


def dev_questions(questions: Sequence[Question], seed: int) -> list[Question]:
    """What the choice is made on, in an order of the seed's. Raises `TooLittleDataError` where there is nothing."""
    found = [question for question in questions if question.split == "dev"]
    if len(found) < 2:
        raise TooLittleDataError(
            f"the corpus has {len(found)} dev questions: a prompt cannot be chosen by them",
            "write dev questions (split: dev), a hundred or more to prove a gain of a few points",
        )
    random.Random(seed).shuffle(found)
    return found


@dataclass(eq=False)
class _Trial:
    """A prompt and how it did so far."""

    prompt: Prompt
    pipeline: Pipeline
    right: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    left_out: int = 0

    @property
    def score(self) -> float:
        return sum(self.right) / len(self.right)

    @property
    def mean_tokens(self) -> float:
        return sum(self.tokens) / len(self.tokens)

    def ask(self, questions: Sequence[Question], requests: Sequence[Request]) -> None:
        """Answer what comes after the questions that were asked already."""
        start = len(self.right)
        self.count(requests[len(self.tokens) :])
        answers = self.pipeline.answer(requests[start:])
        self.right += [float(served_right(answer, q)) for answer, q in zip(answers, questions[start:], strict=True)]
        self.left_out += sum(answer.examples_left_out for answer in answers)

    def count(self, requests: Sequence[Request]) -> None:
        """Tokens of the prompts of the requests that come next."""
        for request, context in zip(requests, self.pipeline.fit_all(requests), strict=True):
            chats = self.pipeline.chats(request.question, context)
            self.tokens.append(sum(map(self.pipeline.generator.count_tokens, chats)))


def choose_prompt(
    pipeline: Pipeline,
    dev: Sequence[Question],
    others: Sequence[Prompt],
    *,
    uncached: Generator,
    budget: Budget,
    target: Path,
    inputs: Mapping[str, str],
    told: Callable[[str], None],
) -> Manifest:
    """Publish the choice among the present prompt and `others`, with `answers.jsonl`: who was right on which question.

    One answer of `uncached` is timed for what is told before. Killed, it goes on with the answers that are in the
    cache. The pipeline holds the examples and the configuration with the present prompt as `present_prompt` gives it.
    """
    config = pipeline.config
    hits = pipeline.retrieve([question.question for question in dev], config.retrieval.k)
    requests = [Request(q.question, pipeline.lookup(row), hidden=q.positives) for q, row in zip(dev, hits, strict=True)]
    present, *rest = (_Trial(p, replace(pipeline, config=p.of(config))) for p in (present_prompt(config), *others))
    present.count(requests[:_PROBED])
    unfit = [trial for trial in rest if not _fits(partial(trial.count, requests[:_PROBED]), trial.prompt, told)]
    rest = [trial for trial in rest if trial not in unfit]
    limit, seconds = _limit(budget, [present, *rest], requests, uncached)
    plan = plan_rounds(len(rest), len(dev), limit)
    total = num_answers(plan)
    told(
        f"{len(rest) + 1} prompts in {len(plan)} rounds: {total} answers on {plan[-1].questions} dev questions, "
        f"about {total * seconds / 60:.1f} minutes or less"
    )
    with publish(target, KIND, VERSION, settings_of(config), inputs) as build:
        alive = rest
        for number, each in enumerate(plan, start=1):
            alive = sorted(alive, key=_worth)[: each.candidates] if number > 1 else alive
            told(f"round {number} of {len(plan)}: {each.candidates + 1} prompts on {each.questions} questions")
            asked = (dev[: each.questions], requests[: each.questions])
            present.ask(*asked)
            lost = [trial for trial in alive if not _fits(partial(trial.ask, *asked), trial.prompt, told)]
            unfit += lost
            alive = [trial for trial in alive if trial not in lost]
        measured = [present, *(trial for trial in rest if trial not in unfit)]
        rows = [_row(trial, present, dev, len(rest), alive, config) for trial in measured]
        proven = [row for row in rows if row["low"] is not None and row["low"] > 0]
        best = max(proven, key=lambda row: (row["gain"]["value"], -row["tokens"])) if proven else rows[0]
        build.counts.update(questions=plan[-1].questions, answers=total)
        build.facts.update(
            style=best["style"],
            examples=best["examples"],
            proven=bool(proven),
            present=asdict(present.prompt),
            budget=asdict(budget),
            candidates=rows,
            unfit=[asdict(trial.prompt) for trial in unfit],
        )
        write_jsonl(build.path / "answers.jsonl", _evidence(measured, dev))
    return require(target, COMMAND)


def _limit(
    budget: Budget, trials: Sequence[_Trial], requests: Sequence[Request], uncached: Generator
) -> tuple[int | None, float]:
    """Answers that may be asked for, and the seconds of one with a prompt of mean length, asked alone."""
    present = trials[0]
    chats = present.pipeline.chats(requests[0].question, present.pipeline.fit(requests[0]))
    # loading is no part of an answer
    uncached.generate([chat[-1:] for chat in chats], max_new_tokens=1)
    started = time.perf_counter()
    uncached.generate(chats, max_new_tokens=present.pipeline.config.generator.max_new_tokens)
    spent = time.perf_counter() - started
    seconds = spent * sum(trial.mean_tokens for trial in trials) / len(trials) / present.tokens[0]
    by_time = None if budget.minutes is None else int(60 * budget.minutes / seconds)
    return budget.answers if budget.answers is not None else by_time, seconds


def _fits(work: Callable[[], None], prompt: Prompt, told: Callable[[str], None]) -> bool:
    """Whether a candidate can be asked at all; what its examples do not fit is told."""
    try:
        work()
    except UserError as error:
        told(f"{prompt.name} is left out: {error.problem}")
        return False
    return True


def _worth(trial: _Trial) -> tuple[float, float]:
    """Better ones first, of equal ones the shorter prompt; those that left before come last."""
    return (-trial.score, trial.mean_tokens)


def _row(
    trial: _Trial, present: _Trial, dev: Sequence[Question], tried: int, last: Sequence[_Trial], config: Config
) -> dict[str, Any]:
    """A candidate as facts; `low` is its bound beside all others, of those that were left at the end."""
    clusters = [cluster_of(question) for question in dev[: len(trial.right)]]
    draws = {"resamples": config.evaluation.resamples, "seed": config.seed}
    score = share_interval([bool(value) for value in trial.right], clusters, **draws)
    row = {**asdict(trial.prompt), "questions": len(trial.right), "tokens": round(trial.mean_tokens)}
    row |= {"examples_left_out": trial.left_out, "score": jsonable(asdict(score)), "gain": None, "low": None}
    if trial is not present:
        before = present.right[: len(trial.right)]
        row["gain"] = jsonable(asdict(paired_interval(before, trial.right, clusters, **draws)))
        if trial in last:
            gains = np.array([trial.right]).T - np.array([before]).T
            confidence = 1 - _RISK / tried
            row["low"] = jsonable(simultaneous_lower_bounds(gains, clusters, confidence=confidence, **draws)[0])
    return row


def _evidence(trials: Sequence[_Trial], dev: Sequence[Question]) -> list[dict[str, Any]]:
    return [
        {**asdict(trial.prompt), "question": question.id, "right": bool(right)}
        for trial in trials
        for question, right in zip(dev, trial.right, strict=False)
    ]
