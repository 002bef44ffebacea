"""The sections of the page on a team's own folder and on the default prompt, and the goals that were set for them."""

from benchmarks.cells import Row, cell, find, not_measured, section

OWN = "tts_handbook"
PROMPTED = ("squad2_dev", "nq_gold")
_SMALL = "hybrid, 0.5B"
_BOTH = (_SMALL, "hybrid, 1.5B")
GOALS: tuple[tuple[str, str, str, str, float], ...] = (
    (OWN, "own/right-as-served", _SMALL, "at least", 0.7),
    (OWN, "own/right-as-served", "hybrid, 1.5B", "at least", 0.8),
    *((OWN, "own/without-source", system, "at most", 0.0) for system in _BOTH),
    *((OWN, "own/declined", system, "at least", 0.75) for system in _BOTH),
    *((OWN, "own/over-refusal", system, "at most", 0.1) for system in _BOTH),
    *((OWN, "own/right-withheld", system, "at most", 0.03) for system in _BOTH),
    *((OWN, "own/citation-precision", system, "at least", 0.95) for system in _BOTH),
    *((OWN, "own/citation-recall", system, "at least", 0.95) for system in _BOTH),
    *((name, f"citation/{what}", _SMALL, "at least", 0.95) for name in PROMPTED for what in ("precision", "recall")),
    ("squad2_dev", "prompt/right/gold+others", _SMALL, "at least", 0.5),
    *((name, "prompt/echo", _SMALL, "at most", 0.005) for name in PROMPTED),
)
"""Set, metric, system, kind and bound, as in `benchmarks.page`."""

_OWN_TOLD = """The Markdown files of a team's handbook (github.com/18F/handbook, public domain) and questions in its
words, nothing tuned, no config file: what is served by each tool by default with the same embedder and generator, asked
one at a time, each in a process of its own, greedy, answers of as many tokens at most. LlamaIndex:
`SimpleDirectoryReader`, its own chunks (1024 tokens), number of chunks (2) and prompts, float32; *citations* is its
`CitationQueryEngine`.

- Right as served: of answerable questions, by the graders of `hybrid evaluate`; declined and withheld are not right.
  Over-refusal: answerable, the gold passage in the prompt, and not answered. Declined: of unanswerable questions.
  LlamaIndex declines where its words say so; the same reading is ours.
- Without source: of served answers, those in which no `[n]` points to a passage. LlamaIndex's default engine hands over
  all chunks that it read beside an answer, but says of none that the answer stands there: that is no source here.
- Citations are of answers that are right as served. Precision: of what is cited, how much is gold; recall: of the
  answers, how many cite gold; gold is a passage by its id here, in LlamaIndex a chunk that holds the quote of the
  evidence, and its chunks are eight times as long. Bears out: gold or, for spans and numbers, holding the answer word
  for word, for some facts stand on pages that nobody labelled.
- Right withheld: of right answers, what the guard withheld. Echo: of all that was written, before the guard.

Brackets: 95 % intervals, clustered by document, differences paired; for seconds the least and the most of the questions
around their median."""

_PROMPTS_TOLD = (
    "The default configuration on a fixed sample of the answerable test questions of each set. Citations are of "
    "answers that are right as served, from what is retrieved: the share of cited passages that are gold, the share of "
    "answers that cite gold, and the share of cited passages that are gold or hold the answer word for word. "
    "gold+others: the gold passage and the two best wrong ones by BM25, none dropped to fit, in an order drawn by "
    "seed, and how many answers are right, before the guard. Echo: answers whose words are the instruction's, of all "
    "that were asked. Brackets: 95 % intervals."
)


def sections(rows: list[Row]) -> list[str]:
    """Both."""
    return [own(rows), prompts(rows)]


def own(rows: list[Row]) -> str:
    """A table a model: every side, and ours less each other one."""
    title, command = "A team's own folder", "make bench-own"
    mine = [row for row in rows if row["command"] == command]
    if not mine:
        return not_measured(title, command)
    lines = [f"## {title}\n", f"{_OWN_TOLD} `{command}`, {mine[0]['date']}."]
    systems = list(dict.fromkeys(row["system"] for row in mine if row["metric"] != "own/index-s"))
    for size in dict.fromkeys(system.rpartition(", ")[2] for system in systems):
        columns = [system for system in systems if system.endswith(f", {size}")]
        columns.sort(key=lambda system: "−" in system)
        told = [row for row in mine if row["system"] in columns]
        short = [column.replace(f", {size}", "") for column in columns]
        lines += ["", f"### {size}\n", f"| figure | n | {' | '.join(short)} |", f"|---|---|{'---|' * len(columns)}"]
        for metric in dict.fromkeys(row["metric"] for row in told):
            found = [find(told, OWN, metric, column) for column in columns]
            cells = (cell(row, signed="−" in column) for row, column in zip(found, columns, strict=True))
            lines.append(f"| {metric} | {next(row['n'] for row in found if row)} | {' | '.join(cells)} |")
    seconds = [f"{row['system']} {row['value']:.0f} s" for row in mine if row["metric"] == "own/index-s"]
    if seconds:
        lines.append(f"\nFrom the folder to an index on disk: {', '.join(seconds)}.")
    return "\n".join(lines) + "\n"


def prompts(rows: list[Row]) -> str:
    """One table of all sets."""
    mine = [row for row in rows if row["command"] == "make bench-prompts"]
    listed = [{**row, "metric": f"{row['set']}: {row['metric']}, n {row['n']}"} for row in mine]
    return section("The default prompt on public sets", "make bench-prompts", listed, _PROMPTS_TOLD)
