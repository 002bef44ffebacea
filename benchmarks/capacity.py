"""The capacity page: what 1 million, 100 million and 10 billion passages take, from measured unit costs.

python -m benchmarks.capacity [--rounds 3] [--passages 512] [--no-measure]
"""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks import capacity_costs, results
from benchmarks.capacity_costs import DIM, SIZES
from benchmarks.cells import Row, cell, find
from hybrid.artifacts import write_text
from hybrid.cli.main import set_up_libraries
from hybrid.retrieval.index_layout import num_clusters

COMMAND = "make bench-capacity"
SET = "generated"
PAGE = Path(__file__).parent.parent / "docs" / "CAPACITY.md"
MOST_IN_FAISS = 100_000_000
_HERE = "this process, one thread"
_RAY = "Ray, two workers of one thread"
_MILVUS_ROWS = 5_000
_FOR_CHECKS = SIZES[1]
"""The size that the last one is predicted from."""


@dataclass(frozen=True)
class Machine:
    """What is rented, and how far it is filled."""

    cores: int = 16
    memory_gb: int = 64
    disk_gb: int = 2_000
    filled: float = 0.7


@dataclass(frozen=True)
class Assumptions:
    """What was not measured here."""

    machine: Machine = Machine()
    text_bytes: int = 1_100
    """Of a passage of 100 tokens with its row in the passage set and the BM25 index."""
    passages_a_document: float = 4.0
    hours: float = 168.0
    """Within which a corpus must be encoded: a week decides how many machines that takes."""


@dataclass(frozen=True)
class Plan:
    """What so many passages take. Times are of one shard, which are searched at once."""

    passages: int
    kind: str
    shards: int
    resident_gb: float
    disk_gb: float
    machines: int
    read_hours: float
    encode_core_hours: float
    encode_hours: float
    train_hours: float
    build_hours: float
    search_ms: float
    workspaces: int


class Costs:
    """Unit costs out of results.json, and the laws by which they grow."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def value(self, metric: str, system: str) -> float:
        """Raises `click.ClickException` where it was not measured."""
        row = find(self._rows, SET, metric, system)
        if row is None:
            raise click.ClickException(f"{metric} of {system} is not in results.json: run `{COMMAND}`")
        return float(row["value"])

    def bytes_a_vector(self, kind: str, num: int) -> float:
        """A constant, and the clusters' centroids spread over all vectors: from the two smaller sizes."""
        small, large = SIZES[:2]
        at = [self.value("capacity/bytes-a-vector", f"{kind}, {size} vectors") for size in (small, large)]
        if kind != "ivf_rabitq":
            return at[1]
        shares = [num_clusters(size) / size for size in (small, large)]
        slope = (at[0] - at[1]) / (shares[0] - shares[1])
        return at[1] + slope * (num_clusters(num) / num - shares[1])

    def scaled(self, metric: str, kind: str, num: int, measured: int) -> float:
        """A cost measured at one size, at another."""
        return (
            self.value(metric, f"{kind}, {measured} vectors")
            * growth(metric, kind, num)
            / growth(metric, kind, measured)
        )


def growth(metric: str, kind: str, num: int) -> float:
    """How a cost grows with the number of vectors."""
    if metric == "capacity/train-s":
        # the sample is so many for each cluster, and each is compared with all of them
        return float(num_clusters(num)) ** 2
    if kind == "exact":
        return float(num) if metric == "capacity/search-ms" else 1.0
    if kind == "ivf_rabitq" and metric == "capacity/search-ms":
        # a fixed number of clusters, whose lists are n ÷ 4√n long
        return num / num_clusters(num)
    # a walk through a graph, of the vectors or of the clusters
    return math.log(num)


def plan(num: int, costs: Costs, given: Assumptions) -> Plan:
    """One HNSW index up to a million passages; above, shards of RaBitQ codes in memory with full vectors on disk."""
    kind = "hnsw" if num <= 1_000_000 else "ivf_rabitq"
    machine = given.machine
    rate = costs.value("capacity/passages-per-s", _HERE)
    # two workers against twice one thread: what spreading costs
    efficiency = min(1.0, costs.value("capacity/passages-per-s", _RAY) / (2 * rate))
    core_hours = num / rate / 3600
    resident = num * costs.bytes_a_vector(kind, num) / 1e9
    # FAISS's shortlists are rescored by a file of 16-bit numbers, Milvus keeps 32 bits
    disk = num * (given.text_bytes + DIM * (4 if num > MOST_IN_FAISS else 2)) / 1e9 + resident
    in_memory = costs.value("capacity/bytes-a-passage", "in memory, 20000 passages")
    searching = math.ceil(
        max(resident / (machine.filled * machine.memory_gb), disk / (machine.filled * machine.disk_gb))
    )
    documents = costs.value("ingest/documents-per-s", "10000 documents")
    read_hours = num / given.passages_a_document / documents / 3600
    encoding = math.ceil(max(core_hours / efficiency / machine.cores, read_hours) / given.hours)
    per_shard = math.ceil(num / searching)
    workers = encoding * machine.cores * (efficiency if encoding * machine.cores > 1 else 1)
    add = costs.scaled("capacity/add-us-a-vector", kind, per_shard, SIZES[-1])
    return Plan(
        passages=num,
        kind=kind,
        shards=searching,
        resident_gb=resident,
        disk_gb=disk,
        machines=max(searching, encoding),
        read_hours=read_hours / encoding,
        encode_core_hours=core_hours,
        encode_hours=core_hours / workers,
        train_hours=0.0
        if kind == "hnsw"
        else costs.scaled("capacity/train-s", kind, per_shard, SIZES[-1]) / 3600 / machine.cores,
        build_hours=per_shard * add / 1e6 / 3600 / machine.cores,
        search_ms=costs.scaled("capacity/search-ms", kind, per_shard, SIZES[-1]),
        workspaces=math.ceil(num * in_memory / 1e9 / (machine.filled * machine.memory_gb)),
    )


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Of each measurement; the spread is told.")
@click.option("--passages", default=512, show_default=True, help="Encoded to tell the pace.")
@click.option("--measure/--no-measure", default=True, help="Or write the page from the figures that are there.")
def main(rounds: int, passages: int, measure: bool) -> None:
    """Measure unit costs, keep them with the other figures, and write docs/CAPACITY.md."""
    set_up_libraries()
    if measure:
        _record(rounds, passages)
    write_text(PAGE, page(results.load(), Assumptions()))
    click.echo(f"wrote {PAGE.name}")


def _record(rounds: int, passages: int) -> None:
    started = time.perf_counter()
    costs = {
        **capacity_costs.index_costs(rounds),
        **capacity_costs.shard_costs(),
        **capacity_costs.text_costs(),
        **capacity_costs.milvus_costs(rounds, _MILVUS_ROWS),
        **capacity_costs.encode_costs(rounds, passages),
    }
    stamp = {"of": SET, "split": "all", "seed": 0, "minutes": round((time.perf_counter() - started) / 60, 1)}
    rows = []
    for (metric, system), values in costs.items():
        rows.append(results.make_row(metric, system, results.spread(values, rounds), command=COMMAND, **stamp))
    results.record_rows(COMMAND, rows)


def page(rows: list[Row], given: Assumptions) -> str:
    """The page as Markdown."""
    costs = Costs(rows)
    plans = [plan(num, costs, given) for num in (10**6, 10**8, 10**10)]
    machine = given.machine
    read = find(rows, SET, "ingest/documents-per-s", "10000 documents")
    measured = [row for row in rows if row["command"] == COMMAND]
    lines = [
        "# Capacity",
        "",
        f"Written by `{COMMAND}` from unit costs that were measured on {measured[0]['machine']}. "
        "The laws by which they grow are named and checked below; what was not measured is listed as assumed.",
        "",
        "## What it takes",
        "",
        f"| | {' | '.join(f'{found.passages:,} passages' for found in plans)} |",
        f"|---|{'---|' * len(plans)}",
        *_table(plans, given),
        "",
        "**Not done yet:** a process holds the texts of its workspace in memory. Where the last row is above 1, the "
        "corpus must be cut into as many workspaces, and no command searches several of them at once.",
        "",
        "Encoding decides everything: an accelerator that encodes a hundred times as many passages a second takes as "
        "many times fewer hours; then reading decides, one process a machine. Vectors are kept once; every replica "
        "that is to answer more questions, or to survive a lost machine, takes the memory, disk and search machines "
        "again.",
        "",
        "## Assumed",
        "",
        f"- Machines of {machine.cores} cores like the measured ones, {machine.memory_gb} GB of memory and "
        f"{machine.disk_gb:,} GB of disk, filled to {machine.filled:.0%}.",
        f"- Passages of 100 tokens, {given.text_bytes:,} bytes each with their text, row and words (BM25); "
        f"{given.passages_a_document:g} of them a document.",
        f"- Encoding may take a week ({given.hours:g} hours): the number of machines follows from it.",
        f"- {DIM} dimensions, 2 bytes each in FAISS's file that rescores a shortlist, 4 in Milvus.",
        f"- {capacity_costs.PROBED} clusters looked into, whatever their number: more where recall on the corpus asks "
        f"for it, in proportion. The {capacity_costs.SHORTLIST} reads from disk that rescore a shortlist come on top: "
        "about 10 ms one after the other on an NVMe disk, none where the file is in memory.",
        "- Adding to an index uses all cores of its machine; shards are built and searched at once.",
        "- Reading and cutting is one process a machine, each with its part of the documents.",
        "",
        "## Measured",
        "",
        f"Brackets: least and most of the rounds. `{COMMAND}`, {measured[0]['date']}; documents by "
        f"`{read['command'] if read else ''}`. Vectors are generated: bytes and times do not depend on their meaning, "
        f"recall does, so that it is told for whole against shards only.",
        "",
        "| figure | of | value |",
        "|---|---|---|",
        *(f"| {row['metric']} | {row['system']} | {cell(row)} |" for row in [*([read] if read else []), *measured]),
        "",
        "## The laws, checked",
        "",
        f"Each cost at {SIZES[-1]:,} vectors as predicted from {_FOR_CHECKS:,} by the law that the plan uses, over "
        "what was measured there. 1 is a perfect prediction; above 1 the plan asks for too much, below for too little.",
        "",
        "| cost | index | law | predicted ÷ measured |",
        "|---|---|---|---|",
        *_checks(costs),
        "",
        "Shards: each is searched for its own shortlist, all shortlists are rescored together. Exact shards find what "
        "the whole finds, and shards of codes at least what one index of codes does (`capacity/recall@10` above).",
        "",
        "milvus-lite is a program for development, not the server for these sizes: its figures say what this project's "
        "client and protocol cost, and bound a server's from below (rows a second) and above (bytes, milliseconds).",
    ]
    return "\n".join(lines) + "\n"


def _table(plans: list[Plan], given: Assumptions) -> list[str]:
    told = {
        "vectors in": [
            "`index.store: faiss`" if found.passages <= MOST_IN_FAISS else "`index.store: milvus`" for found in plans
        ],
        "index": [_INDEX[found.kind] for found in plans],
        "encoded with": [
            "`index.encode_with: process`" if found.encode_core_hours < 24 else "`index.encode_with: ray`"
            for found in plans
        ],
        "in memory": [_gigabytes(found.resident_gb) for found in plans],
        "on disk, texts with it": [_gigabytes(found.disk_gb) for found in plans],
        "machines, for a week of encoding": [f"{found.machines:,}" for found in plans],
        "machines that search": [f"{found.shards:,}" for found in plans],
        "hours of reading and cutting": [_number(found.read_hours) for found in plans],
        "core-hours of encoding": [_number(found.encode_core_hours) for found in plans],
        "hours of encoding": [_number(found.encode_hours) for found in plans],
        "hours of learning clusters": [_number(found.train_hours) if found.train_hours else "–" for found in plans],
        "hours of adding to the index": [_number(found.build_hours) for found in plans],
        "milliseconds of a search, one thread of each shard": [_number(found.search_ms) for found in plans],
        "workspaces, as texts stay in memory": [f"{found.workspaces:,}" for found in plans],
    }
    return [f"| {name} | {' | '.join(values)} |" for name, values in told.items()]


_INDEX = {
    "hnsw": "HNSW, 32 links, 8-bit scalars",
    "ivf_rabitq": "IVF with an HNSW quantiser, RaBitQ codes, rescored from disk",
}


def _checks(costs: Costs) -> list[str]:
    largest = SIZES[-1]
    lines = []
    for kind in capacity_costs.KINDS:
        measured = costs.value("capacity/bytes-a-vector", f"{kind}, {largest} vectors")
        ratio = costs.bytes_a_vector(kind, largest) / measured
        lines.append(f"| bytes a vector | {kind} | a constant, and centroids spread over all | {ratio:.2f} |")
        for metric, name in _GROWING[kind].items():
            predicted = costs.scaled(metric, kind, largest, _FOR_CHECKS)
            ratio = predicted / costs.value(metric, f"{kind}, {largest} vectors")
            lines.append(f"| {name} | {kind} | {_LAWS.get((kind, name), 'log n')} | {ratio:.2f} |")
    return lines


_GROWING = {
    "exact": {"capacity/search-ms": "search"},
    "hnsw": {"capacity/add-us-a-vector": "adding", "capacity/search-ms": "search"},
    "ivf_rabitq": {
        "capacity/train-s": "training",
        "capacity/add-us-a-vector": "adding",
        "capacity/search-ms": "search",
    },
}
_LAWS = {
    ("exact", "search"): "n",
    ("ivf_rabitq", "search"): "n ÷ clusters",
    ("ivf_rabitq", "training"): "clusters², so n",
}


def _gigabytes(value: float) -> str:
    return f"{value / 1000:,.1f} TB" if value >= 1000 else f"{value:,.1f} GB"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


if __name__ == "__main__":
    main()
