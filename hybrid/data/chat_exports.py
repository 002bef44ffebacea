"""The RAFT examples as chat files for other trainers: TRL, Axolotl, LLaMA-Factory, OpenAI's fine-tuning."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from hybrid.artifacts import new_folder, write_text
from hybrid.jsonl import read_jsonl, write_jsonl

ChatFormat = Literal["trl", "axolotl", "llama-factory", "openai"]
CHAT_FORMATS = get_args(ChatFormat)
OPENAI_MINIMUM = 10

_AXOLOTL = """\
# A part of an Axolotl configuration; paths start where axolotl is called.
# https://docs.axolotl.ai/docs/dataset-formats/conversation.html
"""
_AXOLOTL_PART = """\
{key}:
  - path: {split}.jsonl
    ds_type: json
    split: train
    type: chat_template
    field_messages: messages
    message_property_mappings:
      role: role
      content: content
    roles_to_train: [assistant]
    train_on_eos: turn
"""
_AXOLOTL_KEYS = {"train": "datasets", "dev": "test_datasets"}


def export_chats(raft: Path, kind: ChatFormat, target: Path) -> tuple[dict[str, int], list[str]]:
    """Write the examples of a RAFT artefact into the new folder `target`; returns counts and notes.

    TRL: prompt and completion, of which the trainer learns the completion only; the others: `messages`, whose only
    assistant turn is the completion. Raises `UserError` where `target` exists.
    """
    counts = {}
    with new_folder(target) as folder:
        for split in ("train", "dev"):
            records = [_record(record, kind) for _, record in read_jsonl(raft / f"{split}.jsonl")]
            if records:
                counts[split] = write_jsonl(folder / f"{split}.jsonl", records)
        if kind == "axolotl":
            found = (_AXOLOTL_PART.format(key=_AXOLOTL_KEYS[split], split=split) for split in counts)
            write_text(folder / "axolotl.yaml", _AXOLOTL + "".join(found))
        if kind == "llama-factory":
            entries = {f"hybrid_{split}": _entry(f"{split}.jsonl") for split in counts}
            write_text(folder / "dataset_info.json", json.dumps(entries, indent=2) + "\n")
    notes = []
    if kind == "openai" and counts.get("train", 0) < OPENAI_MINIMUM:
        notes.append(f"{counts.get('train', 0)} training examples: OpenAI takes {OPENAI_MINIMUM} or more")
    return counts, notes


def _record(record: Mapping[str, Any], kind: ChatFormat) -> dict[str, Any]:
    prompt, completion = list(record["prompt"]), list(record["completion"])
    if kind == "trl":
        return {"prompt": prompt, "completion": completion}
    return {"messages": [*prompt, *completion]}


def _entry(file: str) -> dict[str, Any]:
    """LLaMA-Factory's description of a file in OpenAI's form: its data/README.md, "OpenAI Format"."""
    return {
        "file_name": file,
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }
