"""Indexing side by side in one run: sentence-transformers with FAISS, LlamaIndex and hybrid on the same passages; every
backend alone; and what a backend's precision costs in ranking. With `--windows`, vectors for the search benchmark.

python -m benchmarks.encode [--data ../shared/data] [--passages 1500] [--rounds 3] [--sets covidqa …] [--ranked 1500]
python -m benchmarks.encode --rounds 0 --sets squad2_dev   # ranking only
python -m benchmarks.encode --windows 1000000 --out indexes/windows.npy
"""

import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from benchmarks import page, results
from benchmarks.windows import all_passages, encode_windows
from hybrid.backends import make_embedder
from hybrid.cli.main import set_up_libraries
from hybrid.config import Config, EmbedderConfig
from hybrid.corpus.questions import read_questions
from hybrid.errors import MissingError
from hybrid.evaluation.figure import gain, measure, ratio
from hybrid.evaluation.questions import cluster_of
from hybrid.evaluation.ranking import truncated_ndcg
from hybrid.jsonl import read_jsonl
from hybrid.retrieval.index import build_index
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.types import Interval, Passage, Question

COMMAND = "make bench-encode"
ROOT = Path("indexes") / "bench-encode"
SEED = 13
SHARE = 0.01
"""Of the passages that change before a re-index."""
_WORDS = range(40, 111)
"""Of a passage: about 100 tokens on average."""
ST, LLAMA, HYBRID, INT8 = "sentence-transformers + FAISS Flat", "LlamaIndex VectorStoreIndex", "hybrid", "hybrid, int8"
TORCH = "torch float32"
BACKENDS = {
    TORCH: ("torch", "float32"),
    "torch bfloat16": ("torch", "bfloat16"),
    "onnx float32": ("onnx", "float32"),
    "onnx int8": ("onnx", "int8"),
    "openvino float32": ("openvino", "float32"),
    "openvino bfloat16": ("openvino", "bfloat16"),
    "openvino int8": ("openvino", "int8"),
}
NDCG = ratio("speed/ndcg@10", lambda row: row["ndcg@10"], lambda row: 1.0)
Found = list[tuple[str, str, Interval]]


@click.command()
@click.option("--data", type=Path, default=lambda: Path(os.environ.get("DATA", "../shared/data")), help="Public sets.")
@click.option("--passages", "num", default=1_500, show_default=True, help="Indexed by each side in each round.")
@click.option("--rounds", default=3, show_default=True, help="All sides in turn; the spread is told. 0: ranking only.")
@click.option(
    "--sets", multiple=True, default=("covidqa", "apibench_hf"), show_default=True, help="Ranked by backends."
)
@click.option("--ranked", "most", default=1_500, show_default=True, help="Passages ranked of a set, at most.")
@click.option("--windows", "num_windows", type=click.IntRange(1, 1_000_000), help="Encode so many windows only.")
@click.option("--out", type=Path, help="The .npy file of the windows.")
@click.option("--model", default="embedded", show_default=True, help="Folder of the embedder of the windows.")
def main(
    data: Path,
    num: int,
    rounds: int,
    sets: tuple[str, ...],
    most: int,
    num_windows: int | None,
    out: Path | None,
    model: str,
) -> None:
    """Compare ways to index, or with `--windows` write vectors of windows of about 25 tokens over the passages in DATA.

    Rows go to results.json and the page.
    """
    set_up_libraries()
    if num_windows is not None:
        if out is None:
            raise click.UsageError("--windows needs --out")
        encode_windows(data, num_windows, out, model)
        return
    started = time.perf_counter()
    embedders = _embedders()
    shutil.rmtree(ROOT, ignore_errors=True)
    rows: list[dict[str, Any]] = []
    if rounds:
        rows = _stamped(_speeds(embedders, draw_passages(data, num), rounds), "generated", started)
        results.record_rows(COMMAND, rows, of="generated")
    for name in sets:
        if not (data / name / "passages.jsonl").is_file():
            click.echo(f"{name} is not in {data}: left out", err=True)
            continue
        started = time.perf_counter()
        made = _stamped(_ranking(embedders, data / name, most), name, started)
        results.record_rows(COMMAND, made, of=name)
        rows += made
    page.write()
    for row in rows:
        what = f"{row['metric']:28} {row['set']:12} {row['system']:52}"
        click.echo(f"{what} {row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]")
    shutil.rmtree(ROOT, ignore_errors=True)


def draw_passages(data: Path, num: int) -> list[Passage]:
    """Beginnings of passages of the public sets, of random lengths around 100 tokens; the same ones each time."""
    rng = random.Random(SEED)
    long = [words for words in all_passages(data) if len(words) >= _WORDS.stop]
    drawn = rng.sample(long, num) if num <= len(long) else rng.choices(long, k=num)
    texts = (" ".join(words[: rng.choice(_WORDS)]) for words in drawn)
    return [Passage(id=f"p{number:05d}", title="", text=text) for number, text in enumerate(texts)]


def _embedders() -> dict[str, SentenceEmbedder]:
    """By backend, loaded; those whose extra is not installed are left out."""
    made = {}
    for name, (backend, precision) in BACKENDS.items():
        try:
            options = EmbedderConfig.model_validate({"backend": backend, "precision": precision})
            embedder = make_embedder(Config(embedder=options))
            embedder.encode_passages(["warm"])
        except MissingError as error:
            click.echo(f"{name} is left out: {error.problem}", err=True)
            continue
        made[name] = embedder
    return made


def _speeds(embedders: dict[str, SentenceEmbedder], passages: Sequence[Passage], rounds: int) -> Found:
    texts = [passage.full_text for passage in passages]
    # what is left open encodes as it does for a user
    default = make_embedder(Config())
    quantised = embedders.get("openvino int8", default)
    default.encode_passages(texts[:300])
    model = embedders[TORCH].model
    indexing: dict[str, Callable[[int], Any]] = {
        ST: lambda _: _sentence_transformers(model, texts),
        LLAMA: lambda _: _llama_index(model, texts),
        HYBRID: lambda round_: _hybrid(default, passages, ROOT / f"{round_}"),
        INT8: lambda round_: _hybrid(quantised, passages, ROOT / f"{round_}-int8"),
    }
    encoding = {name: embedder.encode_passages for name, embedder in embedders.items()}
    taken: dict[str, list[float]] = {name: [] for name in (*indexing, *encoding, "changed")}
    for round_ in range(rounds):
        # in turn, so that whatever else the machine does in a round hits all of them
        for name, index in indexing.items():
            taken[name].append(_timed(partial(index, round_)))
        changed = _changed(passages, round_)
        taken["changed"].append(_timed(partial(_hybrid, default, changed, ROOT / f"{round_}")))
        for name, encode in encoding.items():
            taken[name].append(_timed(partial(encode, texts)))
        click.echo(", ".join(f"{name} {len(texts) / seconds[-1]:.1f}/s" for name, seconds in taken.items()), err=True)

    def ratios(slow: str, fast: str) -> Interval:
        return results.spread([a / b for a, b in zip(taken[slow], taken[fast], strict=True)], len(texts))

    found: Found = []
    for name in indexing:
        found.append(("speed/index-passages-per-s", name, _rate(taken[name], len(texts))))
    for metric, slow in (("speed/index-vs-st", ST), ("speed/index-vs-llamaindex", LLAMA)):
        found += [(metric, f"{fast} ÷ {slow}", ratios(slow, fast)) for fast in (HYBRID, INT8)]
    found.append(("speed/reindex-seconds", "whole", results.spread(taken[HYBRID], len(texts))))
    found.append(("speed/reindex-seconds", "after 1 % changed", results.spread(taken["changed"], len(texts))))
    found.append(("speed/reindex-vs-full", "whole ÷ after 1 % changed", ratios(HYBRID, "changed")))
    for name in encoding:
        found.append(("speed/encode-passages-per-s", name, _rate(taken[name], len(texts))))
        if name != TORCH:
            found.append(("speed/encode-vs-torch", f"{name} ÷ {TORCH}", ratios(TORCH, name)))
    return found


def _sentence_transformers(model: Any, texts: Sequence[str]) -> None:
    """As its documentation has it: `encode`, then a flat index."""
    import faiss

    vectors = model.encode(list(texts), show_progress_bar=False)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)


def _llama_index(model: Any, texts: Sequence[str]) -> None:
    """A VectorStoreIndex over nodes, with the embedding that its HuggingFaceEmbedding is: `encode` of each batch."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.embeddings import BaseEmbedding
    from llama_index.core.schema import TextNode

    class Embedding(BaseEmbedding):
        """Batches of ten, its default."""

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            found: list[list[float]] = model.encode(
                texts, batch_size=self.embed_batch_size, normalize_embeddings=True, show_progress_bar=False
            ).tolist()
            return found

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embeddings([query])[0]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

    VectorStoreIndex([TextNode(text=text) for text in texts], embed_model=Embedding())


def _hybrid(embedder: SentenceEmbedder, passages: Sequence[Passage], target: Path) -> None:
    """The whole artefact: vectors, ids and hashes on disk."""
    texts = str(hash(tuple(passage.text for passage in passages)))
    build_index(passages, embedder, target=target, inputs={"passages": texts, "embedder": embedder.fingerprint})


def _changed(passages: Sequence[Passage], seed: int) -> list[Passage]:
    """One passage in a hundred written anew."""
    rng = random.Random(seed)
    chosen = set(rng.sample(range(len(passages)), max(1, round(SHARE * len(passages)))))
    return [
        replace(passage, text=" ".join(rng.sample(words, len(words))))
        if place in chosen and (words := passage.text.split())
        else passage
        for place, passage in enumerate(passages)
    ]


def ranked_passages(passages: Sequence[Passage], asked: Sequence[Question], most: int) -> list[Passage]:
    """Those that answer a question, and of the others as many, drawn at random, as `most` leaves room for: torch alone
    would take a quarter of an hour for a large set. Fewer to choose from rank better, on every side.
    """
    if len(passages) <= most:
        return list(passages)
    golds = {positive for question in asked for positive in question.positives}
    others = [passage.id for passage in passages if passage.id not in golds]
    kept = golds.union(random.Random(SEED).sample(others, min(len(others), max(0, most - len(golds)))))
    return [passage for passage in passages if passage.id in kept]


def _ranking(embedders: dict[str, SentenceEmbedder], folder: Path, most: int) -> Found:
    """nDCG@10 of the answerable questions of dev and test by each backend, and its difference to torch in float32."""
    records = (record for _, record in read_jsonl(folder / "passages.jsonl"))
    located = read_questions([folder / "questions.jsonl"])
    asked = [one.question for one in located if one.question.split != "train" and one.question.positives]
    whole = [Passage(record["id"], record["text"], record["title"]) for record in records]
    passages = ranked_passages(whole, asked, most)
    click.echo(f"{folder.name}: {len(asked)} questions, {len(passages)} of {len(whole)} passages", err=True)
    scored = {}
    for name, embedder in embedders.items():
        click.echo(f"{folder.name}: {name}", err=True)
        queries = embedder.encode_queries([question.question for question in asked])
        vectors = embedder.encode_passages([passage.full_text for passage in passages])
        golds = [set(question.positives) for question in asked]
        values = truncated_ndcg(queries, [passage.id for passage in passages], vectors, golds, embedder.dim)
        scored[name] = [
            {"id": q.id, "cluster": cluster_of(q), "ndcg@10": value} for q, value in zip(asked, values, strict=True)
        ]
    found: Found = []
    for name, rows in scored.items():
        if value := measure(NDCG, rows, resamples=10_000, seed=SEED):
            found.append((NDCG.name, name, value))
        if name != TORCH and (lost := gain(NDCG, scored[TORCH], rows, resamples=10_000, seed=SEED)):
            found.append((NDCG.name, f"{name} − {TORCH}", lost))
    return found


def _timed(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _rate(seconds: Sequence[float], num: int) -> Interval:
    return results.spread([num / taken for taken in seconds], num)


def _stamped(found: Found, of: str, started: float) -> list[dict[str, Any]]:
    minutes = round((time.perf_counter() - started) / 60, 1)
    stamp = {"of": of, "split": "all" if of == "generated" else "dev and test", "seed": SEED, "minutes": minutes}
    return [results.make_row(*line, **stamp, command=COMMAND) for line in found]


if __name__ == "__main__":
    sys.exit(main())
