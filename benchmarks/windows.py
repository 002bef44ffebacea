"""Up to a million real vectors: sliding windows of about 25 tokens over the passages of the public sets."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from hybrid.artifacts import sha256_json, write_text
from hybrid.errors import InputError
from hybrid.jsonl import read_jsonl
from hybrid.models import resolve
from hybrid.progress import track
from hybrid.retrieval.encoder_choice import choose_encoder
from hybrid.retrieval.openvino_encoder import is_installed
from hybrid.retrieval.sentence_embedder import TORCH, SentenceEmbedder

WORDS = 18
"""Of a window: about 25 tokens, the two special ones included."""
SEED = 13
_SHARD = 4096
"""Windows encoded between two saves."""


def encode_windows(data: Path, num: int, out: Path, model: str = "embedded") -> None:
    """Write float32 unit vectors `(num, dim)` to `out`, by the embedded model or that in a folder.

    Killed and called again, it goes on after the last shard.

    Windows begin at random words, all different, in random order: the first rows are a sample of all, and a shorter
    file is the beginning of a longer one.
    """
    if out.is_file():
        click.echo(f"{out} is there already", err=True)
        return
    embedder = fastest_embedder(model)
    passages = all_passages(data)
    # how many windows each passage begins; one that is shorter begins one
    starts = np.cumsum([0, *(max(1, len(words) - WORDS + 1) for words in passages)])
    if num > starts[-1]:
        raise InputError(data, f"{starts[-1]} windows are there, fewer than {num}", "ask for fewer")
    chosen = np.random.default_rng(SEED).permutation(int(starts[-1]))[:num]
    stamp = sha256_json([embedder.fingerprint, num, WORDS, SEED, _SHARD, sha256_json(passages)])
    partial, progress = out.with_suffix(".partial"), out.with_suffix(".progress.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    found = json.loads(progress.read_text(encoding="utf-8")) if progress.is_file() and partial.is_file() else {}
    done = found["done"] if found.get("stamp") == stamp else 0
    mode = "r+" if done else "w+"
    vectors = np.lib.format.open_memmap(
        partial, mode=mode, dtype=np.float32, shape=None if done else (num, embedder.dim)
    )
    shards = range(done, num, _SHARD)
    for start in track(shards, total=len(shards), description=f"encoding windows, {_SHARD} at a time"):
        picked = chosen[start : start + _SHARD]
        owners = np.searchsorted(starts, picked, side="right") - 1
        texts = [
            " ".join(passages[owner][window - starts[owner] :][:WORDS])
            for owner, window in zip(owners.tolist(), picked.tolist(), strict=True)
        ]
        vectors[start : start + len(texts)] = embedder.encode_passages(texts)
        vectors.flush()
        write_text(progress, json.dumps({"stamp": stamp, "done": start + len(texts)}))
    partial.rename(out)
    progress.unlink()


def fastest_embedder(model: str) -> SentenceEmbedder:
    """A model by the backend that is fastest on a CPU: OpenVINO in int8 where it is installed."""
    choice = choose_encoder("openvino", "int8") if is_installed() else TORCH
    return SentenceEmbedder(resolve(model, "embedder"), encoder=choice)


def all_passages(data: Path) -> list[Sequence[str]]:
    files = sorted(data.glob("*/passages.jsonl"))
    if not files:
        raise InputError(data, "no */passages.jsonl in it", "name the folder of the public sets with --data")
    # texts that two sets share would give equal vectors
    texts = dict.fromkeys(record["text"] for file in files for _, record in read_jsonl(file))
    return [words for words in (text.split() for text in texts) if words]
