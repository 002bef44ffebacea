"""The ladder of a workspace, measured on the evaluated split: the same questions for every rung."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from hybrid.answering.pipeline import Pipeline, Request
from hybrid.artifacts import Manifest, current, publish, require, write_text
from hybrid.backends import make_cached
from hybrid.errors import MissingError, StaleError, UserError
from hybrid.evaluation.ladder import Rung, answer_rows, build_ladder, prompt_name
from hybrid.evaluation.ladder_page import ladder_html
from hybrid.evaluation.questions import sample
from hybrid.evaluation.system import latency
from hybrid.jsonl import write_jsonl
from hybrid.lifecycle.ladder_rungs import Asked, LadderPlan, plan_ladder
from hybrid.lifecycle.search import Search
from hybrid.lifecycle.workspace import Workspace
from hybrid.prompting.settled import Prompt
from hybrid.protocols import Generator
from hybrid.types import Question

KIND, VERSION = "ladder", 3
COMMAND = "hybrid evaluate --ladder"
_TIMED = 3
"""Questions of each rung that are answered alone, for the seconds."""


def ladder_path(workspace: Workspace) -> Path:
    """Beside the evaluations of the split."""
    return workspace.root / f"ladder-{workspace.config.evaluation.split}"


def measure_ladder(workspace: Workspace, told: Callable[[str], None]) -> dict[str, Any]:
    """The ladder, measured anew only where it is not current; answers that are in the cache cost nothing.

    Publishes `ladder.json`, `questions.jsonl` (a row a question and rung) and `report.html`; seconds are in the
    manifest. The passages must have been published. Raises `UserError` where a rung's prompts do not fit.
    """

    def build(search: Search) -> None:
        search.build()

    plan = plan_ladder(workspace, build)
    target = ladder_path(workspace)
    if current(target, KIND, VERSION, plan.settings, plan.inputs) is None:
        _measure(workspace, plan, target, told)
    return _shown(target, require(target, COMMAND))


def current_ladder(workspace: Workspace) -> dict[str, Any] | None:
    """The ladder as it was measured; None where it was not, or of anything else than what is there now."""
    target = ladder_path(workspace)
    if not target.is_dir():
        return None
    try:
        plan = plan_ladder(workspace, lambda search: None)
        manifest = current(target, KIND, VERSION, plan.settings, plan.inputs)
    except (StaleError, MissingError):
        return None
    return _shown(target, manifest) if manifest else None


def _shown(target: Path, manifest: Manifest) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((target / "ladder.json").read_text(encoding="utf-8"))
    return {**told, "seconds": manifest.facts["latency_s"], "path": str(target)}


def _measure(workspace: Workspace, plan: LadderPlan, target: Path, told: Callable[[str], None]) -> None:
    config = workspace.config
    options = config.evaluation
    questions = sample(workspace.published().questions, options.split, options.max_questions, config.seed)
    rows: dict[str, list[dict[str, Any]]] = {}
    seconds: dict[str, dict[str, float]] = {}
    with publish(target, KIND, VERSION, plan.settings, plan.inputs) as build:
        for asked in plan.systems:
            cached = make_cached(asked.generator, config, workspace.root / "cache" / "generations.sqlite")
            pipeline = _open(asked, cached)
            hits = pipeline.retrieve([question.question for question in questions], config.retrieval.k)
            requests = [
                Request(question.question, pipeline.lookup(found), hidden=question.positives)
                for question, found in zip(questions, hits, strict=True)
            ]
            for rung in asked.rungs:
                told(
                    f"rung {len(rows) + 1} of {len(plan.rungs)}: {rung.name} "
                    f"({prompt_name({'style': rung.style, 'examples': rung.examples})}) on {len(questions)} questions"
                )
                rows[rung.name], mine = _answered(rung, pipeline, questions, requests)
                seconds[rung.name] = latency(mine, asked.generator, requests[:_TIMED])
        ladder = {
            "split": options.split,
            "rungs": build_ladder(plan.rungs, rows, resamples=options.resamples, seed=config.seed),
            "best": plan.untuned.best,
            "chosen": plan.untuned.has_chosen,
            "proven": plan.untuned.is_proven,
            "left_out": dict(plan.left_out),
            "notes": [*_notes(plan, options.split), *_unshown(rows)],
        }
        write_text(build.path / "ladder.json", json.dumps(ladder, indent=1, sort_keys=True) + "\n")
        write_jsonl(build.path / "questions.jsonl", [row for each in rows.values() for row in each])
        write_text(build.path / "report.html", ladder_html(ladder, workspace.corpus.name))
        build.counts.update(questions=len(questions), rungs=len(rows))
        build.counts["examples_shown"] = sum(row["examples"] for each in rows.values() for row in each)
        build.facts.update(latency_s=seconds, best=plan.untuned.best)


def _open(asked: Asked, generator: Generator) -> Pipeline:
    """The system with its examples beside it, where one of its rungs shows any."""
    search = replace(asked.search, config=Prompt().of(asked.search.config))
    pipeline = search.pipeline(generator)
    if any(rung.examples for rung in asked.rungs):
        pipeline = replace(pipeline, examples=search.examples(pipeline))
    return pipeline


def _answered(
    rung: Rung, pipeline: Pipeline, questions: list[Question], requests: list[Request]
) -> tuple[list[dict[str, Any]], Pipeline]:
    prompt = Prompt(cast(Any, rung.style), rung.examples)
    mine = replace(pipeline, config=prompt.of(pipeline.config))
    try:
        answers = mine.answer(requests)
    except UserError as error:
        raise UserError(f"{rung.name} ({prompt.name}): {error.problem}", error.remedy) from error
    return answer_rows(rung.name, questions, answers), mine


def _unshown(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    left = sum(row["examples_left_out"] for each in rows.values() for row in each)
    return [f"{left} worked examples did not fit the model's window (generator.window_tokens)."] if left else []


def _notes(plan: LadderPlan, split: str) -> list[str]:
    notes = []
    if plan.untuned.has_chosen and split in ("dev", "all"):
        notes.append("The untuned prompts were chosen on dev questions, which are shown here: they look too good.")
    if not plan.untuned.has_chosen:
        notes.append(
            "Dev has not chosen a prompt: tuned systems are held against the plain one, which may be too easy."
        )
    elif not plan.untuned.is_proven:
        notes.append("Nothing is proven better than the present prompt on dev: best is what scored best there.")
    return notes
