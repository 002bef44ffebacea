"""The whole loop: measure, diagnose, retune, merge, measure again, and one table of what each step gained."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hybrid.artifacts import Manifest, require, write_text
from hybrid.config import Config
from hybrid.errors import StaleError
from hybrid.evaluation.ladder_page import ladder_part
from hybrid.evaluation.metrics import compare
from hybrid.evaluation.report import comparison_html
from hybrid.jsonl import read_jsonl
from hybrid.lifecycle.ladder import current_ladder
from hybrid.lifecycle.preflight import PROVEN_PROMPT, pass_gate
from hybrid.lifecycle.workspace import SystemName, Workspace
from hybrid.preflight.answers import Method

_EXAMPLES = 12


@dataclass(frozen=True)
class LoopResult:
    """The before/after rows, both diagnoses, seconds per step, and where the report lies."""

    rows: list[dict[str, Any]]
    verdicts: dict[str, str]
    seconds: dict[str, float]
    report: Path


def run_loop(workspace: Workspace, announce: Callable[[str], None], *, force: bool = False) -> LoopResult:
    """Run every stage in order; what is up to date is not run again. `announce` gets a line before and after each.

    The preflight comes first. Raises `UserError` where it fails and `force` is not given.
    """
    local = workspace.config.generator.kind == "local"
    methods: list[Method] = ["embed", "raft"] if local else ["embed"]
    # a loop tunes both layers whatever its own diagnosis says, which it tells; the same again must not stop it
    overridden = pass_gate(workspace, methods, announce, force=force, unasked=[PROVEN_PROMPT])
    seconds: dict[str, float] = {}

    def step(name: str, work: Callable[[], Any]) -> Any:
        announce(f"▸ {name}")
        started = time.perf_counter()
        result = work()
        seconds[name] = round(time.perf_counter() - started, 1)
        announce(f"  done in {seconds[name]:.0f} s")
        return result

    step("index (base embedder)", lambda: workspace.index("base"))
    step("evaluate the base system", lambda: workspace.evaluate("base"))
    before = step("diagnose the base system", lambda: workspace.diagnose("base"))
    announce(f"  {before.facts['sentence']}")
    embedder = step("train the embedder", lambda: workspace.train_embed(force=force, overridden=overridden))
    announce(f"  verdict: {embedder.facts['verdict']}")
    step("index again (live embedder)", lambda: workspace.index("tuned"))
    if local:
        adapter = step("train the generator (RAFT)", lambda: workspace.train_raft(force=force, overridden=overridden))
        examples = require(workspace.root / "raft", "hybrid train-raft")
        announce(f"  {100 * examples.facts['general_share']:.0f} % of the examples were general instructions")
        announce(f"  verdict: {adapter.facts['verdict']}")
        if adapter.facts["verdict"] == "tuned":
            step("merge", workspace.merge)
    else:
        announce("▸ the generator is behind an API: it is measured, not trained")
    step("evaluate the tuned system", lambda: workspace.evaluate("tuned"))
    after = step("diagnose the tuned system", lambda: workspace.diagnose("tuned"))
    announce(f"  {after.facts['sentence']}")
    rows = compare_systems(workspace)
    verdicts = {"before": str(before.facts["sentence"]), "after": str(after.facts["sentence"])}
    report = write_report(workspace, rows)
    return LoopResult(rows, verdicts, seconds, report)


def compare_systems(workspace: Workspace) -> list[dict[str, Any]]:
    """Base against tuned on the evaluated split, with paired intervals of the gain.

    Raises `StaleError` where the two were measured on different corpora or under different settings.
    """
    config = workspace.config
    base, before = _measured(workspace, "base")
    tuned, after = _measured(workspace, "tuned")
    if (base.config, base.inputs["passages"], base.inputs["general"]) != (
        tuned.config,
        tuned.inputs["passages"],
        tuned.inputs["general"],
    ):
        raise StaleError(
            "the base and the tuned system were measured on different data or under different settings",
            "run `hybrid evaluate` with --system base and with --system tuned, under the same configuration",
        )
    return compare(
        before,
        after,
        resamples=config.evaluation.resamples,
        seed=config.seed,
    )


def write_report(workspace: Workspace, rows: list[dict[str, Any]]) -> Path:
    """One HTML page and one JSON file in `report/`: the table, both diagnoses, failures that are left."""
    folder = workspace.root / "report"
    folder.mkdir(parents=True, exist_ok=True)
    plain = [{**row, **{k: asdict(row[k]) if row[k] else None for k in ("before", "after", "gain")}} for row in rows]
    diagnoses = []
    for system, title in (("base", "before"), ("tuned", "after")):
        path = workspace.diagnosis_path("base" if system == "base" else "tuned")
        require(path, f"hybrid diagnose --system {system}")
        diagnoses.append((title, json.loads((path / "diagnosis.json").read_text(encoding="utf-8"))))
    failures = [record for _, record in read_jsonl(workspace.diagnosis_path("tuned") / "failures.jsonl")]
    meta = _meta(workspace.config, workspace.corpus.name)
    ladder = current_ladder(workspace)
    part = ladder_part(ladder) if ladder else None
    _write_changed(folder / "report.html", comparison_html(plain, meta, diagnoses, failures[:_EXAMPLES], part))
    summary = {"meta": meta, "rows": plain, **({"ladder": ladder} if ladder else {})}
    _write_changed(folder / "summary.json", json.dumps(summary, indent=1, default=str) + "\n")
    return folder / "report.html"


def _meta(config: Config, corpus: str) -> dict[str, Any]:
    return {
        "title": corpus,
        "split": config.evaluation.split,
        "diagnosis_split": config.diagnosis.split,
        "embedder": config.embedder.model,
        "generator": config.generator.model,
    }


Rows = list[dict[str, Any]]


def _measured(workspace: Workspace, system: SystemName) -> tuple[Manifest, tuple[Rows, Rows]]:
    path = workspace.evaluation_path(system)
    manifest = require(path, f"hybrid evaluate --system {system}")
    files = (path / "questions.jsonl", path / "general.jsonl")
    questions, general = ([row for _, row in read_jsonl(file)] for file in files)
    return manifest, (questions, general)


def _write_changed(path: Path, text: str) -> None:
    """Leave a file alone that already says this."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
