"""Questions and passages in the formats of other tools: Hugging Face datasets, BEIR, SQuAD.

What a format has no field for goes into one that its readers pass over, so that `hybrid corpus import` gets it back.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from hybrid.artifacts import new_folder, sha256_json, write_text
from hybrid.corpus.importers import BEIR_ESCAPE, BEIR_PLACES
from hybrid.corpus.questions import question_record
from hybrid.corpus.splits import SPLITS
from hybrid.errors import UserError
from hybrid.jsonl import write_jsonl
from hybrid.types import Passage, Question

_NO_SPAN = {
    "questions": "no answer stands word for word in a gold passage, SQuAD knows only spans",
    "answers": "of several answers, these stand nowhere word for word in the passage of their question",
}
"""Why SQuAD cannot hold them."""

DataFormat = Literal["hf", "beir", "squad"]
HF_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
"""The hub's names."""

_IN_PLACE = ("id", "question", "positives", "split", "evidence")
"""Fields that BEIR and SQuAD have a place for; quotes are not needed beside named passages."""


def export_data(
    questions: Sequence[Question], passages: Sequence[Passage], kind: DataFormat, target: Path, *, card: str = ""
) -> tuple[dict[str, int], list[str]]:
    """Write `target`, a new folder; returns counts and what was left out. `card` is Markdown for a dataset's README.

    Raises `UserError` where `target` exists or no question could be written.
    """
    if not questions:
        raise UserError("the corpus has no questions", "there is nothing to export before some are written")
    with new_folder(target) as folder:
        if kind == "hf":
            _hf(questions, passages, folder, card)
        elif kind == "beir":
            _beir(questions, passages, folder)
        left_out = _squad(questions, passages, folder) if kind == "squad" else Counter()
        missing = left_out["questions"]
        if missing == len(questions):
            raise UserError(f"no question can be written as {kind}", _NO_SPAN["questions"])
    counts = {"passages": len(passages), "questions": len(questions) - missing}
    return counts, [f"{left_out[what]} {what} left out: {why}" for what, why in _NO_SPAN.items() if left_out[what]]


def _by_split(questions: Iterable[Question]) -> dict[str, list[Question]]:
    """In the order of the splits; those without questions are not there."""
    found = {split: [question for question in questions if question.split == split] for split in SPLITS}
    return {split: some for split, some in found.items() if some}


# -- Hugging Face datasets -------------------------------------------------------------------------------------------


def _hf(questions: Sequence[Question], passages: Sequence[Passage], folder: Path, card: str) -> None:
    """Parquet files, and a README.md whose header tells `load_dataset(folder, "questions")` where they are.

    https://huggingface.co/docs/hub/datasets-manual-configuration
    """
    import pyarrow as pa
    import yaml

    text, texts = pa.string(), pa.list_(pa.string())
    plain = ("answer_type", "topic", "pattern", "json_schema", "case", "group", "origin")
    schema = pa.schema(
        [
            ("id", text),
            ("question", text),
            ("answers", texts),
            ("positives", texts),
            ("answerable", pa.bool_()),
            *((name, text) for name in plain),
            ("evidence", pa.list_(pa.struct([("source", text), ("quote", text)]))),
        ]
    )
    files = []
    for split, some in _by_split(questions).items():
        rows = [
            {
                **{name: getattr(q, name) for name in ("id", "question", "answerable", *plain)},
                "answers": list(q.answers),
                "positives": list(q.positives),
                "evidence": [{"source": part.source, "quote": part.quote} for part in q.evidence],
            }
            for q in some
        ]
        files.append({"split": HF_SPLITS[split], "path": f"questions/{HF_SPLITS[split]}.parquet"})
        _parquet(rows, schema, folder / files[-1]["path"])
    names = ["id", "text", "title", "section", "document_id", "source"]
    rows = [{name: getattr(passage, name) for name in names} for passage in passages]
    if any(passage.metadata for passage in passages):
        names.append("metadata")
        for row, passage in zip(rows, passages, strict=True):
            # a column has one type, a field may have several
            row["metadata"] = json.dumps(passage.metadata, ensure_ascii=False) if passage.metadata else None
    _parquet(rows, pa.schema([(name, text) for name in names]), folder / "passages" / "corpus.parquet")
    header = {
        "configs": [
            {"config_name": "questions", "default": True, "data_files": files},
            {"config_name": "passages", "data_files": [{"split": "corpus", "path": "passages/corpus.parquet"}]},
        ]
    }
    write_text(folder / "README.md", f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n{card}")


def _parquet(rows: list[dict[str, Any]], schema: Any, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema), path)


# -- BEIR ------------------------------------------------------------------------------------------------------------


def _beir(questions: Sequence[Question], passages: Sequence[Passage], folder: Path) -> None:
    """corpus.jsonl, queries.jsonl and qrels/<split>.tsv, the rest in `metadata`.

    https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset
    """
    write_jsonl(
        folder / "corpus.jsonl",
        (
            {
                "_id": p.id,
                # BEIR's retrievers read title and text, ours heading and text
                "title": p.heading,
                "text": p.text,
                "metadata": {**{name: getattr(p, name) for name in BEIR_PLACES}, **_beir_fields(p)},
            }
            for p in passages
        ),
    )
    write_jsonl(
        folder / "queries.jsonl",
        ({"_id": q.id, "text": q.question, "metadata": {"split": q.split, **_more(q)}} for q in questions),
    )
    (folder / "qrels").mkdir()
    for split, some in _by_split(questions).items():
        rows = [f"{q.id}\t{positive}\t1\n" for q in some for positive in q.positives]
        write_text(folder / "qrels" / f"{split}.tsv", "query-id\tcorpus-id\tscore\n" + "".join(rows))


def _beir_fields(passage: Passage) -> dict[str, Any]:
    return {
        f"{BEIR_ESCAPE}{key}" if key in BEIR_PLACES or key.startswith(BEIR_ESCAPE) else key: value
        for key, value in passage.metadata.items()
    }


def _more(question: Question) -> dict[str, Any]:
    return {name: value for name, value in question_record(question).items() if name not in _IN_PLACE}


# -- SQuAD -----------------------------------------------------------------------------------------------------------


def _squad(questions: Sequence[Question], passages: Sequence[Passage], folder: Path) -> Counter[str]:
    """A file a split in the form of SQuAD 2.0: an answer is a span of its paragraph, a question has one paragraph.

    Unanswerable questions, which have no passage here, stand under one that their id draws. Passages that nobody asks
    about are in the first file. Returns how many questions and answers are left out.
    https://rajpurkar.github.io/SQuAD-explorer
    """
    by_id = {passage.id: passage for passage in passages}
    left_out: Counter[str] = Counter()
    seen: set[str] = set()
    files: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for split, some in _by_split(questions).items():
        qas = files.setdefault(split, {})
        for question in some:
            placed = _span(question, by_id, passages)
            if placed is None:
                left_out["questions"] += 1
            else:
                left_out["answers"] += len(question.answers) - len(placed[1]["answers"]) if question.answerable else 0
                qas.setdefault(placed[0], []).append(placed[1])
        seen |= qas.keys()
    for split, qas in files.items():
        unasked = by_id.keys() - seen
        seen |= unasked
        articles: dict[str, list[dict[str, Any]]] = {}
        for passage in passages:
            if passage.id in qas or passage.id in unasked:
                articles.setdefault(passage.title, []).append(_paragraph(passage, qas.get(passage.id, [])))
        data = [{"title": title.replace(" ", "_"), "paragraphs": found} for title, found in articles.items()]
        write_text(folder / f"{split}.json", json.dumps({"version": "v2.0", "data": data}, ensure_ascii=False) + "\n")
    return left_out


def _span(
    question: Question, by_id: Mapping[str, Passage], passages: Sequence[Passage]
) -> tuple[str, dict[str, Any]] | None:
    """The paragraph of a question and its entry there; None where no answer is a span of a gold passage."""
    entry = {"id": question.id, "question": question.question, "is_impossible": not question.answerable}
    more = {name: value for name, value in _more(question).items() if name not in ("answers", "answerable")}
    if not question.answerable:
        drawn = passages[int(sha256_json(question.id)[:12], 16) % len(passages)]
        return drawn.id, {**entry, "answers": [], **more}
    for positive in question.positives:
        text = by_id[positive].text
        found = (re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text) for answer in question.answers if answer)
        answers = [{"text": match[0], "answer_start": match.start()} for match in found if match]
        if answers:
            return positive, {**entry, "answers": answers, **more}
    return None


def _paragraph(passage: Passage, qas: list[dict[str, Any]]) -> dict[str, Any]:
    more = {"title": passage.title, "section": passage.section, "metadata": passage.metadata}
    kept = {name: value for name, value in more.items() if value}
    return {"context": passage.text, "qas": qas, "id": passage.id, "document_id": passage.document_id, **kept}
