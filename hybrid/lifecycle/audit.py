"""The audit of a workspace's questions, with what its diagnoses say of them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from hybrid.artifacts import Manifest, read_manifest, sha256_json
from hybrid.audit.audit import audit
from hybrid.audit.closed_book import GUESSABLE, ask_closed_book, from_diagnoses
from hybrid.audit.label_noise import Diagnosed
from hybrid.audit.requirements import Method
from hybrid.backends import make_cached, make_generator
from hybrid.corpus.passages import PassageSet
from hybrid.jsonl import read_jsonl
from hybrid.lifecycle.workspace import Workspace
from hybrid.types import Arm


def audit_workspace(workspace: Workspace, methods: Sequence[Method], *, closed_book: int | None = None) -> Manifest:
    """Publish `audit/`; up to date with the corpus folder and the diagnoses of it.

    `closed_book`: how many questions the configured generator is asked without passages, 0 for all; None asks none,
    and takes what a diagnosis has asked.
    """
    passages = workspace.passages()
    diagnosed = diagnoses(workspace, passages)
    inputs = {"passages": passages.manifest.id, "diagnosed": sha256_json([asdict(item) for item in diagnosed])}
    ask = partial(from_diagnoses, diagnosed)
    if closed_book is not None:
        generator = make_generator(workspace.config)
        inputs["closed_book"] = f"{generator.fingerprint} {closed_book} {workspace.config.generator.max_new_tokens}"
        ask = partial(
            ask_closed_book,
            make_cached(generator, workspace.config, workspace.root / "cache" / "generations.sqlite"),
            passages.questions,
            most=closed_book,
            max_new_tokens=workspace.config.generator.max_new_tokens,
            seed=workspace.config.seed,
        )
    return audit(
        passages.questions,
        passages.by_id,
        workspace.corpus.question_files,
        methods=methods,
        config=workspace.config,
        target=workspace.root / "audit",
        inputs=inputs,
        title=f"{workspace.corpus.name}: is the data good enough?",
        diagnosed=diagnosed,
        closed_book=ask,
    )


def diagnoses(workspace: Workspace, passages: PassageSet) -> list[Diagnosed]:
    """What the diagnoses of these very documents and questions say; those of the base first."""
    telling = {q.id for q in passages.questions if q.answerable and q.answer_type not in GUESSABLE}
    found = []
    for path in sorted(workspace.root.glob("diagnosis-*-*")):
        manifest = read_manifest(path)
        if manifest is None or manifest.inputs.get("passages") != passages.manifest.id:
            continue
        told = json.loads((path / "diagnosis.json").read_text(encoding="utf-8"))
        asked = [
            row
            for _, row in read_jsonl(path / "outcomes.jsonl")
            if row["arm"] == Arm.CLOSED_BOOK and row["question_id"] in telling
        ]
        found.append(
            Diagnosed(
                path.name,
                told["num_answerable"],
                tuple(told["suspect_labels"]),
                tuple(sorted({row["question_id"] for row in asked if row["correct"]})),
                len({row["question_id"] for row in asked}),
            )
        )
    return found
