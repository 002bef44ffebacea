"""General ability of a generator, measured once for each set of weights whatever set of questions it was tuned on."""

from pathlib import Path
from typing import Any

from hybrid.artifacts import sha256_file, sha256_json
from hybrid.evaluation.general import read_items, score_items
from hybrid.jsonl import read_jsonl, write_jsonl
from hybrid.lifecycle.workspace import SystemName, Workspace
from hybrid.protocols import Scorer


def general_rows(workspace: Workspace, system: SystemName, folder: Path) -> list[dict[str, Any]]:
    """{id, right} of every item that is not kept for dev; from `folder` where these weights were scored before."""
    options, generator = workspace.config.evaluation, workspace.generator(system)
    if not options.general_paths or not isinstance(generator, Scorer):
        return []
    key = sha256_json(
        [
            generator.fingerprint,
            [sha256_file(file) for file in options.general_paths],
            options.general_items,
            options.general_dev_share,
            workspace.config.seed,
        ]
    )
    file = folder / f"{key[:24]}.jsonl"
    if not file.is_file():
        items = read_items(
            options.general_paths,
            options.general_items,
            workspace.config.seed,
            dev_share=options.general_dev_share,
        )
        right = score_items(generator, items)
        folder.mkdir(parents=True, exist_ok=True)
        write_jsonl(file, ({"id": item.id, "right": ok} for item, ok in zip(items, right, strict=True)))
    return [row for _, row in read_jsonl(file)]
