"""docs/BENCHMARKS.md from benchmarks/results.json: the goals first, then every set's figures side by side."""

from pathlib import Path

from benchmarks import own_page
from benchmarks.cells import Row, cell, find, not_measured, number, section
from benchmarks.results import COMMAND, POOLED, load
from benchmarks.trial import page as trial_page
from benchmarks.trial.baselines import RULES
from hybrid.artifacts import write_text

PAGE = Path("docs") / "BENCHMARKS.md"
SYSTEMS = ("base", "embedder", "few-shot", "tuned", "merged")
GAINS = ("embedder − base", "tuned − base", "tuned − few-shot", "merged − base", "merged − few-shot")

SOURCES = {
    "apibench_hf": ("APIBench (Hugging Face), Gorilla project, github.com/ShishirPatil/gorilla", "Apache-2.0"),
    "apibench_torch": ("APIBench (TorchHub), Gorilla project, github.com/ShishirPatil/gorilla", "Apache-2.0"),
    "pubmedqa": ("PubMedQA, Jin et al. 2019, github.com/pubmedqa/pubmedqa", "MIT"),
    "covidqa": ("COVID-QA, Möller et al. 2020, github.com/deepset-ai/COVID-QA", "Apache-2.0"),
    "squad2_dev": ("SQuAD 2.0 dev, Rajpurkar et al. 2018, rajpurkar.github.io/SQuAD-explorer", "CC BY-SA 4.0"),
    "nq_gold": ("Natural Questions with gold passages, Kwiatkowski et al. 2019", "CC BY-SA 3.0"),
    "clapnq_dev": ("CLAP NQ dev, Rosenthal et al. 2024, github.com/primeqa/clapnq", "Apache-2.0"),
    "hotpot100": ("HotpotQA, Yang et al. 2018, hotpotqa.github.io; 100 questions", "CC BY-SA 4.0"),
}

HEAD = """# Benchmarks

Written by `make bench` from [results.json](../benchmarks/results.json); what the figures say is read for a person in
[READING_BENCHMARKS.md](READING_BENCHMARKS.md), how the recipes came about in [experiments.md](experiments.md).

| figure | where | command |
|---|---|---|
| the loop on public sets | here, `benchmarks/results.json` | `make bench` (needs `DATA`; runs the sets found there) |
| engines for answering | here, `benchmarks/results.json` | `make bench-engines` |
| the diagnosis on simulated faults | here, `benchmarks/results.json` | `make bench-trial` |
| a whole diagnosis, in minutes | here, `benchmarks/results.json` | `make bench-diagnosis` |
| the diagnosis on faults in real answers | here | `make bench-faults` (after `make demo`, `make bench`) |
| the audit on planted faults | here, `benchmarks/results.json` | `make bench-audit` |
| words beside vectors | here, `benchmarks/results.json` | `make bench-fusion` (after `make bench`, for its embedders) |
| a cross-encoder behind retrieval | here, `benchmarks/results.json` | `make bench-rerank` (needs `DATA`) |
| an embedder without questions | here, `benchmarks/results.json` | `make bench-modelfree` |
| reading documents, and re-indexing after a change | here, `benchmarks/results.json` | `make bench-ingest` |
| vector search | here, `benchmarks/results.json` | `make bench-search` (needs `DATA`; after `make bench-modelfree`) |
| search under a filter | here, `benchmarks/results.json` | `make bench-filter` (needs `DATA`) |
| one question: warm, cold, beside LlamaIndex | here, `benchmarks/results.json` | `make bench-query` (or `MODEL=NAME`) |
| the reader, beside llama.cpp | here, `benchmarks/results.json` | `make bench-reader` (`LLAMA`: a Python that has it) |
| encoding and indexing, beside other tools | here, `benchmarks/results.json` | `make bench-encode` (needs `DATA`) |
| the three above | here, `benchmarks/results.json` | `make bench-speed` (needs `DATA`) |
| a team's own folder, beside LlamaIndex | here, `benchmarks/results.json` | `make bench-own` (needs `DATA`) |
| the default prompt on public sets | here, `benchmarks/results.json` | `make bench-prompts` (needs `DATA`) |
| refusals and grades beside labels | here, `benchmarks/results.json` | `make bench-grading` |
| hostile documents, hangs, kills, crowds, injected orders | here, `benchmarks/results.json` | `make bench-robust` |
| before and after on `pumps` | README, `indexes/pumps/report/` | `make demo` |

`make bench` resumes set by set and inside a set stage by stage. Tuning sees train and dev only, at most 600 training
examples a set; every figure here is from test (hotpot100: from all questions, nothing is tuned on it). Brackets hold
95 % intervals, from a bootstrap over clusters of questions with the same gold passage; a difference is paired.

Systems: **base** – both models as published, in the best untuned prompt by dev where a set's section names one, else
in the configured one; **embedder** – the tuned embedder with the base generator; **few-shot** –
the same with {shots} worked examples in the prompt; **tuned** – tuned embedder and the generator with its adapter at
full weight; **merged** – the adapter merged at the weight that dev chose. Where dev did not prove a gain the base
embedder is kept, and where dev chose weight 1, tuned and merged are one model.

"""


def write() -> None:
    """Write the page whole."""
    parts = [HEAD.format(shots=2), _machine(rows := load()), _goals(rows)]
    loop = [row for row in rows if row["command"] == COMMAND]
    for name in dict.fromkeys(row["set"] for row in loop if row["set"] != POOLED):
        parts.append(_set(name, [row for row in loop if row["set"] == name]))
    parts += [trial_page.simulated(rows), trial_page.injected(rows), trial_page.speed(rows)]
    parts.append(_model_free([row for row in rows if row["metric"].startswith("modelfree/")]))
    parts.append(_fusion([row for row in rows if row["metric"].startswith("fusion/")]))
    parts.append(_rerank([row for row in rows if row["command"] == "make bench-rerank"]))
    parts.append(_audit([row for row in rows if row["metric"].startswith("audit/")]))
    parts.append(_ingest([row for row in rows if row["metric"].startswith(("ingest/", "reindex/"))]))
    parts.append(_search([row for row in rows if row["command"] == "make bench-search"]))
    parts.append(_filters([row for row in rows if row["command"] == "make bench-filter"]))
    parts.append(_query([row for row in rows if row["command"] == "make bench-query"]))
    parts.append(_reader([row for row in rows if row["command"] == "make bench-reader"]))
    parts.append(_encoding([row for row in rows if row["command"] == "make bench-encode"]))
    parts.append(_engines([row for row in rows if row["metric"].startswith("engine/")]))
    parts.append(_grading([row for row in rows if row["command"] == "make bench-grading"]))
    parts.append(_robust([row for row in rows if row["command"] == "make bench-robust"]))
    parts += own_page.sections(rows)
    write_text(PAGE, "\n".join(parts))


def _by_set(rows: list[Row], title: str, command: str, told: str, column: str = "system") -> str:
    """A section for each set; `told` may name the set, `{of}`, and how many questions were asked of it, `{num}`."""
    sections = []
    for of in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == of]
        sections.append(section(f"{title}: {of}", command, own, told.format(of=of, num=own[0]["n"]), column))
    return "\n".join(sections) or not_measured(title, command)


def _model_free(rows: list[Row]) -> str:
    told = (
        "Tuned on questions made from the passages of {of} alone (`hybrid synth`), the checkpoint chosen on such "
        "questions too, judged by the {num} real ones of test."
    )
    return _by_set(rows, "An embedder without a single question", "make bench-modelfree", told)


def _fusion(rows: list[Row]) -> str:
    if not rows:
        return not_measured("Words beside vectors", "make bench-fusion")
    lines = [
        "## Words beside vectors\n",
        "nDCG@10 on the answerable test questions of each set, BM25 and vectors alone and fused: by reciprocal ranks, "
        "by the weight of the words that is best on dev, and by what dev chooses of all (`auto`: vectors alone unless "
        "another is proven better). Differences are paired, over the better of the two alone. "
        f"`{rows[0]['command']}`, {rows[0]['date']}.\n",
        "| set | n | system | | nDCG@10 |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['set']} | {row['n']} | {row['system']} | {row['detail']} | {cell(row, signed='−' in row['system'])} |"
        for row in rows
    ]
    gains = [row for row in rows if row["system"] == "auto − better alone"]
    lines.append(
        f"\n`auto` is ahead with an interval above 0 on {sum(r['low'] > 0 for r in gains)} of {len(gains)} sets."
    )
    return "\n".join(lines) + "\n"


def _rerank(rows: list[Row]) -> str:
    told = (
        "The embedded embedder with one new label, fine-tuned as a cross-encoder on the train questions of {of} with "
        "hard negatives of the base vectors; it puts the first 30 hits in its order. nDCG@10 on the {num} answerable "
        "test questions, by vectors alone and by what dev chooses beside words; differences are paired. Milliseconds "
        "are of one question alone, on a machine in other use as well. Brackets: 95 % intervals, for milliseconds "
        "least and most."
    )
    return _by_set(rows, "A cross-encoder behind retrieval", "make bench-rerank", told)


def _audit(rows: list[Row]) -> str:
    if not rows:
        return not_measured("The audit", "make bench-audit")
    first = rows[0]
    lines = [
        "## The audit\n",
        f"Each kind of fault planted in 5 % of the questions of {first['set']}, five draws, all "
        "kinds at once; whatever else is flagged counts as wrong, but for the wrong gold of a planted contradiction. "
        "Copies are reworded by greetings, thanks, letter case and slips of the pen: the same question in wholly other "
        f"words is not found. `{first['command']}`, {first['date']}. Brackets: 95 % intervals (Wilson).\n",
        "| kind | recall | precision |",
        "|---|---|---|",
    ]
    for kind in dict.fromkeys(row["metric"].rpartition("/")[2] for row in rows):
        found = [find(rows, first["set"], f"audit/{what}/{kind}", "hybrid") for what in ("recall", "precision")]
        lines.append(f"| {kind} | {' | '.join(cell(row) for row in found)} |")
    return "\n".join(lines) + "\n"


def _ingest(rows: list[Row]) -> str:
    told = (
        "Short documents, half text, half Markdown, of paragraphs drawn from the bundled corpus and from Markdown "
        "files inside installed packages: read, examined (duplicates, language, private data) and cut, without "
        "embedding; then indexed with the embedded model, one document in a hundred changed, and indexed again. Each "
        "measurement in a process of its own, without the time that its imports and loading the model take, but with "
        "what its workers import. By one core and by all in turn. Brackets: least and most of the rounds."
    )
    return section("Reading documents, and re-indexing", "make bench-ingest", rows, told)


def _search(rows: list[Row]) -> str:
    told = (
        "Vectors of real text, held-out queries, copies left out, one thread, one query at a time, all engines in turn "
        "in one process. Recall is the share of ten results that score at least the exact tenth; the other engines run "
        "at the least effort that reaches .99 on other queries, or that finds no less of them than ours. Resident: "
        "codes, graph and ids whole, and what was fetched of the memory-mapped vectors. Brackets: least and most of "
        "the rounds."
    )
    return section("Vector search", "make bench-search", rows, told)


def _filters(rows: list[Row]) -> str:
    told = (
        "As above, on fewer vectors, where a filter leaves a part of the passages: drawn at random, or those nearest "
        "to one of them, as of one topic. Recall of the exact first ten among these. FAISS's exact index and graph are "
        "given a selector, the graph at an effort that finds .99 without one. All sides in turn in one process. "
        "Brackets: least and most of the rounds."
    )
    return section("Search under a filter", "make bench-filter", rows, told)


def _query(rows: list[Row]) -> str:
    told = (
        "The base system on the bundled corpus, eight passages found; in LlamaIndex (HuggingFaceLLM, "
        "HuggingFaceEmbedding) with the same models and passages, all in one prompt, which is to the byte that of "
        "`hybrid, one prompt`: vectors alone, all passages together. `hybrid` is what is served by default: words "
        "beside vectors and, where the reader is the embedded 0.5B, a prompt for each passage until one bears its "
        "answer out. Warm: the median of the questions in a process that has answered one before. Cold: from the start "
        "of the process to the first byte on a terminal. With the guard on, an answer is shown when it is judged; "
        "LlamaIndex judges none. Fresh processes that take turns. Brackets: least and most of the rounds."
    )
    return section("One question", "make bench-query", rows, told)


def _grading(rows: list[Row]) -> str:
    told = (
        "Labels written for this project, `benchmarks/labelled`: texts that decline or answer, and answers beside gold "
        "answers (right, wrong, refusal). The halves that are measured here were not looked at while the rules were "
        "written. Hard cases are more frequent there than in use. Brackets: 95 % intervals (Wilson)."
    )
    return section("Refusals and grades, beside labels", "make bench-grading", rows, told)


def _robust(rows: list[Row]) -> str:
    told = (
        "What went wrong, of how much that was tried, in fresh processes. Hostile: documents that stopped a run, or "
        "took over 10 s or 500 MB. Text lost: words of real files that a second, crude reading has and ours has "
        "not. Hangs: processes whose first inference is in two threads. Kills: stages killed at an event of the "
        "file system, or out of disk space, whose rerun did not give the same bytes. Serve: clients at once that "
        "loaded models of their own, or were not answered. Injection: orders in documents that were obeyed in what "
        "was served, a fresh set and, of other authors, the older one; honest: texts that look like orders, answered "
        "rightly with such sentences left out and left in. Brackets: 95 % intervals (Wilson); of a count those of "
        "its share, times the number."
    )
    return section("What it withstands", "make bench-robust", rows, told)


def _reader(rows: list[Row]) -> str:
    num = rows[0]["n"] if rows else 0
    told = (
        f"{num} test questions of the bundled corpus in the prompts that are served first, one at a time. "
        "llama.cpp, by llama-cpp-python, has the GGUF file that our model was converted from and as many cores. It is "
        "fed the tokens that ours answered: all sides read and write the same. New tokens count after the first. What "
        "prompts have in common is computed once by all sides. Fresh processes that take turns. Brackets: least and "
        "most of the rounds."
    )
    return section("The embedded reader", "make bench-reader", rows, told)


def _encoding(rows: list[Row]) -> str:
    num = rows[0]["n"] if rows else 0
    told = (
        f"{num} passages of about 100 tokens from the public sets, all sides in turn in one run with the embedded "
        "model: from texts to an index in memory (sentence-transformers, LlamaIndex) or to the artefact on disk "
        "(hybrid). Then each backend alone, and nDCG@10 on the answerable questions of dev and test by its vectors. "
        "Brackets: least and most of the rounds for speeds and ratios, 95 % intervals for nDCG."
    )
    listed = [{**row, "system": f"{row['set']}: {row['system']}"} if "ndcg" in row["metric"] else row for row in rows]
    return section("Encoding", "make bench-encode", listed, told)


def _engines(rows: list[Row]) -> str:
    told = (
        "{num} test questions, all engines in turn in one run. OpenVINO in 8 bits: `generator.quantization: 8bit`. "
        "Brackets: least and most of the rounds for seconds and ratios, else 95 % intervals."
    )
    return _by_set(rows, "Engines", "make bench-engines", told, "engine")


def _machine(rows: list[Row]) -> str:
    if not rows:
        return not_measured("Machines", COMMAND)
    loop = [row for row in rows if row["command"] == COMMAND]
    minutes = {row["set"]: row["minutes"] for row in loop if row["set"] != POOLED}
    commands: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        commands.setdefault(row["machine"], {}).setdefault(row["command"], []).append(row["date"])
    lines = [
        "## Machines\n",
        f"The versions are those of `requirements.lock`, the seed is 13. `{COMMAND}` took {sum(minutes.values()):.0f} "
        "minutes of stages for all sets, while the machine was in other use as well.\n",
        "| machine | what was measured on it, and when |",
        "|---|---|",
    ]
    for machine, dates in commands.items():
        told = (f"`{command}` ({_days(found)})" for command, found in dates.items())
        lines.append(f"| {machine} | {', '.join(told)} |")
    return "\n".join(lines) + "\n"


def _days(dates: list[str]) -> str:
    first, last = min(dates), max(dates)
    return first if first == last else f"{first} to {last}"


_BASELINE = "hybrid ÷ transformers, one at a time"
GOALS: tuple[tuple[str, str, str, str, float], ...] = (
    ("apibench_hf", "ndcg@10/384", "embedder", "at least", 0.45),
    ("apibench_hf", "exact/oracle+distractors", "tuned", "at least", 0.35),
    ("apibench_hf", "exact/retrieved", "tuned", "at least", 0.15),
    ("covidqa", "ndcg@10/384", "embedder − base", "low above", 0.0),
    ("nq_gold", "ndcg@10/384", "embedder − base", "low above", 0.0),
    ("squad2_dev", "f1/retrieved", "tuned − base", "low above", 0.0),
    ("squad2_dev", "f1/retrieved", "tuned − few-shot", "low above", 0.0),
    ("squad2_dev", "abstention/unanswerable", "tuned − base", "low above", 0.0),
    ("squad2_dev", "abstention/unanswerable", "tuned − few-shot", "low above", 0.0),
    ("pubmedqa", "macro-f1/retrieved", "tuned − base", "low above", 0.0),
    (POOLED, "general/mean", "merged − base", "at least", -0.02),
    (POOLED, "gain-kept/answer-score", "merged", "at least", 0.8),
    ("injected", "diagnosis/layer-accuracy", "hybrid", "at least", 0.95),
    ("injected", "diagnosis/macro-f1", "hybrid", "at least", 0.9),
    ("injected", "diagnosis/false-alarm", "hybrid", "at most", 0.05),
    ("injected", "diagnosis/coverage/retrieval", "hybrid", "at least", 0.92),
    ("injected", "diagnosis/coverage/retrieval", "hybrid", "at most", 0.98),
    ("injected", "diagnosis/coverage/generator", "hybrid", "at least", 0.92),
    ("injected", "diagnosis/coverage/generator", "hybrid", "at most", 0.98),
    ("injected", "diagnosis/slope", "hybrid", "at least", 0.9),
    ("injected", "diagnosis/slope", "hybrid", "at most", 1.1),
    *(("injected", "diagnosis/macro-average", f"hybrid − {rule}", "low above", 0.0) for rule in RULES),
    *(
        ("injected", f"diagnosis/side-accuracy/{family}", f"hybrid − {rule}", "not below", 0.0)
        for family in ("missing", "documents", "reading", "distraction")
        for rule in RULES
    ),
    ("covidqa", "modelfree/ndcg@10/384", "model-free − base", "low above", 0.0),
    ("generated", "ingest/documents-per-s", "10000 documents", "at least", 300),
    ("generated", "ingest/cores-vs-one", "10000 documents, all cores ÷ one", "at least", 1.6),
    ("generated", "reindex/fraction", "after 1 % changed ÷ whole", "at most", 0.05),
    ("pumps", "diagnosis/minutes", "hybrid", "at most", 12),
    ("pumps", "diagnosis/speedup", _BASELINE, "at least", 5),
    ("windows", "speed/search-recall@10", "hybrid hnsw", "at least", 0.99),
    ("windows", "speed/recall@10-by-size", "hybrid hnsw, 983986", "at least", 0.99),
    ("windows", "speed/search-vs-flat", "FAISS Flat ÷ hybrid hnsw", "at least", 150),
    ("windows", "speed/search-vs-hnsw", "FAISS HNSW32 ÷ hybrid hnsw", "at least", 1),
    ("windows", "speed/search-memory-vs-hnsw", "hybrid hnsw, held ÷ FAISS HNSW32", "at most", 0.5),
    ("windows", "speed/search-memory-vs-hnsw", "hybrid hnsw, resident ÷ FAISS HNSW32", "at most", 0.5),
    ("windows", "speed/search-vs-usearch", "usearch ÷ hybrid hnsw", "at least", 1),
    ("windows", "speed/search-vs-usearch", "usearch, at the recall of ours ÷ hybrid hnsw", "at least", 1),
    ("windows", "speed/funnel-recall@10", "funnel, windows-tuned", "at least", 0.99),
    ("windows", "speed/funnel-vs-exact", "FAISS Flat ÷ funnel, windows-tuned", "at least", 10),
    ("windows", "speed/growth-search", "hybrid hnsw, exponent", "at most", 0.99),
    ("windows", "speed/growth-build", "hybrid hnsw, exponent", "at most", 1.1),
    ("windows", "speed/build-memory", "hybrid hnsw, peak ÷ vectors", "at most", 1.5),
    ("generated", "speed/index-vs-st", "hybrid ÷ sentence-transformers + FAISS Flat", "at least", 3),
    ("generated", "speed/index-vs-llamaindex", "hybrid ÷ LlamaIndex VectorStoreIndex", "at least", 5),
    ("generated", "speed/index-vs-llamaindex", "hybrid, int8 ÷ LlamaIndex VectorStoreIndex", "at least", 5),
    ("generated", "speed/reindex-vs-full", "whole ÷ after 1 % changed", "at least", 20),
    ("pumps", "speed/query-vs-llamaindex", "LlamaIndex ÷ hybrid, 0.5B", "at least", 6),
    ("pumps", "speed/query-vs-llamaindex", "LlamaIndex ÷ hybrid, one prompt, 0.5B", "at least", 6),
    ("pumps", "speed/query-vs-llamaindex", "LlamaIndex, bfloat16 ÷ hybrid, 0.5B", "at least", 6),
    ("pumps", "speed/cold-s", "hybrid query, first token, one prompt, guard flag, 0.5B", "at most", 5),
    ("pumps", "speed/cold-s", "hybrid query, whole answer, judged, 0.5B", "at most", 5),
    ("pumps", "speed/cold-vs-llamaindex", "LlamaIndex ÷ hybrid query, whole answer, judged, 0.5B", "at least", 4),
    ("pumps", "speed/decode-vs-llamacpp", "hybrid ÷ llama.cpp, 0.5B", "at least", 1),
    ("pumps", "speed/help-s", "hybrid --help", "at most", 0.3),
    *(
        (name, "fusion/ndcg@10", "auto − better alone", "not below", 0.0)
        for name in ("apibench_hf", "covidqa", "squad2_dev", "nq_gold")
    ),
    ("refusals", "refusal/precision", "hybrid", "at least", 0.97),
    ("refusals", "refusal/recall", "hybrid", "at least", 0.97),
    ("fresh refusals", "refusal/fresh-precision", "hybrid", "at least", 0.97),
    ("fresh refusals", "refusal/fresh-recall", "hybrid", "at least", 0.97),
    ("answer pairs", "grader/agreement", "hybrid", "at least", 0.97),
    ("injection", "robust/injection", "all readers", "at most", 0.05),
    ("hostile", "robust/hostile", "hybrid", "at most", 0.0),
    ("hangs", "robust/hangs", "hybrid", "at most", 0.0),
    *own_page.GOALS,
)
"""Set, metric, system, kind and bound of what was set as a goal before anything was run."""


def _goals(rows: list[Row]) -> str:
    lines = ["## Goals\n", "| set | figure | system | goal | measured | reached |", "|---|---|---|---|---|---|"]
    for name, metric, system, kind, bound in GOALS:
        row = find(rows, name, metric, system)
        if row is None:
            measured = any((r["set"], r["metric"], r["command"]) == (name, metric, COMMAND) for r in rows)
            # the base is kept where dev did not prove that tuning helps: then there is no tuned system to measure
            told = "dev kept the base | **no**" if measured else "not measured | –"
            lines.append(f"| {name} | {metric} | {system} | {_goal(kind, bound)} | {told} |")
            continue
        reached = {
            "at least": row["value"] >= bound,
            "at most": row["value"] <= bound,
            "low above": row["low"] > bound,
            "not below": row["high"] >= bound,
        }[kind]
        lines.append(
            f"| {name} | {metric} | {system} | {_goal(kind, bound)} | {cell(row)} | {'yes' if reached else '**no**'} |"
        )
        if metric == "ndcg@10/384" and name == "apibench_hf":
            lines.append(_short_share(rows, name, row["value"]))
    return "\n".join(lines) + "\n"


def _short_share(rows: list[Row], name: str, full: float) -> str:
    short = find(rows, name, "ndcg@10/64", "embedder")
    if short is None:
        return f"| {name} | ndcg@10/64 ÷ ndcg@10/384 | embedder | at least .930 | not measured | – |"
    share = short["value"] / full
    return (
        f"| {name} | ndcg@10/64 ÷ ndcg@10/384 | embedder | at least .930 | {number(share)} "
        f"({number(short['value'])} ÷ {number(full)}) | {'yes' if share >= 0.93 else '**no**'} |"
    )


def _goal(kind: str, bound: float) -> str:
    told = {"low above": "interval above 0", "not below": "interval not below 0"}
    return told.get(kind, f"{kind} {number(bound)}")


def _chosen(rows: list[Row]) -> str:
    prompt = next((row["base_prompt"] for row in rows if row.get("base_prompt")), "")
    return f" Base and embedder are asked in the best untuned prompt by dev: {prompt}." if prompt else ""


def _set(name: str, rows: list[Row]) -> str:
    origin, licence = SOURCES.get(name, ("", ""))
    systems = [s for s in SYSTEMS if any(row["system"] == s for row in rows)]
    gains = [g for g in GAINS if any(row["system"] == g for row in rows)]
    first = rows[0]
    lines = [
        f"## {name}\n",
        f"{origin}; {licence}. Split {first['split']}, {first['minutes']} min, `{first['command']}`, "
        f"{first['date']}.{_chosen(rows)}\n",
        f"| figure | n | {' | '.join(systems)} |",
        f"|---|---|{'---|' * len(systems)}",
    ]
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    for metric in metrics:
        found = [find(rows, name, metric, system) for system in systems]
        num = next((row["n"] for row in found if row), "")
        lines.append(f"| {metric} | {num} | {' | '.join(cell(row) for row in found)} |")
    if gains:
        lines += ["", f"| paired difference | {' | '.join(gains)} |", f"|---|{'---|' * len(gains)}"]
        for metric in metrics:
            found = [find(rows, name, metric, system) for system in gains]
            if any(found):
                lines.append(f"| {metric} | {' | '.join(cell(row, signed=True) for row in found)} |")
    return "\n".join(lines) + "\n"
