"""The audit of a training file that somebody else may have made, against the questions of a workspace."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from hybrid.artifacts import Manifest, current, publish, require, sha256_file, write_text
from hybrid.audit.chat_file import audit_chats, read_chats
from hybrid.audit.pair_file import audit_pairs, read_pairs
from hybrid.audit.requirements import Method
from hybrid.backends import make_generator
from hybrid.errors import InputError
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.lifecycle.workspace import Workspace
from hybrid.types import Chat

VERSION = 2
FileKind = Literal["pairs", "raft"]


def audit_file(workspace: Workspace, file: Path, kind: FileKind, methods: Sequence[Method]) -> Manifest:
    """Publish `audit-pairs/` or `audit-raft/`: `audit.json`, `findings.jsonl`, `proposed.jsonl` without the lines that
    should go, and `dropped.jsonl` with the reasons. The file itself is not touched.
    """
    if not file.is_file():
        raise InputError(file, "no such file")
    passages = workspace.passages()
    config = workspace.config
    target = workspace.root / f"audit-{kind}"
    settings = {
        "methods": list(methods),
        "min_pairs": config.train_embed.min_pairs,
        "min_examples": config.raft.min_examples,
        "max_example_tokens": config.raft.max_example_tokens,
        "generator": config.generator.model,
    }
    inputs = {"file": sha256_file(file), "passages": passages.manifest.id}
    if done := current(target, f"audit-{kind}", VERSION, settings, inputs):
        return done
    if kind == "pairs":
        found = audit_pairs(read_pairs(file), passages.questions, passages.by_id, methods=methods, config=config)
    else:
        count: Callable[[Chat], int] = make_generator(config).count_tokens
        found = audit_chats(read_chats(file), passages.questions, methods=methods, config=config, count_tokens=count)
    gone = found.dropped
    with publish(target, f"audit-{kind}", VERSION, settings, inputs) as build:
        write_text(build.path / "audit.json", json.dumps(found.told(), indent=1, ensure_ascii=False) + "\n")
        write_jsonl(build.path / "findings.jsonl", (asdict(finding) for finding in found.findings))
        rows = list(read_jsonl(file))
        write_jsonl(build.path / "proposed.jsonl", (row for line, row in rows if line not in gone))
        dropped = ({"line": line, "reason": gone[line], "row": row} for line, row in rows if line in gone)
        write_jsonl(build.path / "dropped.jsonl", dropped)
        build.counts.update(rows=found.num_rows, findings=len(found.findings), dropped=len(gone))
    return require(target, f"hybrid audit --{kind}")
