"""A corpus of six invented machines and settings small enough to run every stage on it in seconds."""

import json
import random
from pathlib import Path
from typing import Any

MACHINES = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir")
"""One document each; the first is in `documents/alder.md`."""

_SECTIONS: dict[str, list[tuple[str, str]]] = {
    "Weight": [
        ("The bare {m} weighs {v} kg.", "How heavy is the bare {m}?"),
        ("Its crate weighs {v} kg.", "How heavy is the crate of the {m}?"),
        ("Lifting eyes carry {v} kg.", "What do the lifting eyes of the {m} carry?"),
    ],
    "Power": [
        ("The motor draws {v} kW.", "How much power does the motor of the {m} draw?"),
        ("A fuse of {v} A is needed.", "Which fuse does the {m} need?"),
        ("The cable is {v} m long.", "How long is the cable of the {m}?"),
    ],
    "Oil": [
        ("Change the oil every {v} hours.", "How often is the oil of the {m} changed?"),
        ("The sump holds {v} litres.", "How much does the sump of the {m} hold?"),
        ("Oil may reach {v} degrees.", "How hot may the oil of the {m} get?"),
    ],
    "Spares": [
        ("The seal is part S{v}.", "Which part is the seal of the {m}?"),
        ("The filter is part F{v}.", "Which part is the filter of the {m}?"),
        ("The belt is part B{v}.", "Which part is the belt of the {m}?"),
    ],
}
_UNANSWERABLE = "Who painted the {m} in the year {v}?"
_SIZES = {"train": (40, 4), "dev": (10, 2), "test": (10, 2)}
"""Answerable and unanswerable questions of each split."""


def tiny_corpus(folder: Path) -> Path:
    """Write 6 documents of 4 sections and 68 questions with evidence; the same bytes each time."""
    rng = random.Random(5)
    documents = folder / "documents"
    documents.mkdir(parents=True)
    answerable: list[dict[str, Any]] = []
    for machine in MACHINES:
        source = f"{machine.lower()}.md"
        lines = [f"# {machine}"]
        for section, facts in _SECTIONS.items():
            lines += ["", f"## {section}", ""]
            for statement, question in facts:
                value = rng.randrange(11, 99)
                sentence = statement.format(m=machine, v=value)
                answerable.append(
                    {
                        "question": question.format(m=machine),
                        "answers": [sentence[:-1].split()[-1] if section == "Spares" else str(value)],
                        "evidence": [{"source": source, "quote": sentence}],
                        "topic": section.lower(),
                    }
                )
                lines.append(sentence)
        (documents / source).write_text("\n".join(lines) + "\n", encoding="utf-8")
    rng.shuffle(answerable)
    rows: list[dict[str, Any]] = []
    for split, (known, unknown) in _SIZES.items():
        rows += [{**answerable.pop(), "split": split} for _ in range(known)]
        for _ in range(unknown):
            question = _UNANSWERABLE.format(m=rng.choice(MACHINES), v=1900 + len(rows))
            rows.append({"question": question, "answers": [], "answerable": False, "split": split})
    write_questions(folder, rows)
    return folder


def write_questions(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write `questions.jsonl`, numbering what has no id."""
    lines = [json.dumps({"id": f"q{number:03d}", **row}) for number, row in enumerate(rows)]
    (folder / "questions.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def tiny_models(folder: Path) -> tuple[Path, Path]:
    """Random embedder and generator, made of the corpus's words; made once a folder."""
    from tests.tiny_generator import tiny_generator
    from tests.tiny_models import tiny_embedder

    embedder, generator = folder / "tiny-embedder", folder / "tiny-generator"
    if not generator.exists():
        tiny_embedder(embedder, corpus_texts(), max_tokens=64)
        # 4-bit weights come in blocks of 64
        tiny_generator(generator, hidden=64)
    return embedder, generator


def corpus_texts() -> list[str]:
    """Statements and questions, for a vocabulary."""
    pairs = [pair for facts in _SECTIONS.values() for pair in facts]
    return [
        text.format(m=machine, v=value)
        for machine, value in zip(MACHINES, (12, 34, 56, 78, 90, 21), strict=True)
        for pair in (*pairs, ("Weight Power Oil Spares", _UNANSWERABLE))
        for text in pair
    ]


def tiny_values(folder: Path) -> dict[str, Any]:
    """Settings by their dotted names: tiny models, short training, small samples."""
    embedder, generator = tiny_models(folder)
    general = folder / "general.jsonl"
    if not general.exists():
        items = [
            {"id": f"g{n}", "question": f"{n} and {n} make", "choices": [str(n), str(2 * n)], "answer_index": 1}
            for n in range(1, 7)
        ]
        general.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
        instructions = [{"instruction": f"Count to {n}.", "response": " ".join(map(str, range(n)))} for n in range(6)]
        (folder / "instructions.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in instructions), encoding="utf-8"
        )
    return {
        "corpus.chunk_tokens": 64,
        "embedder.model": str(embedder),
        "retrieval.k": 2,
        "retrieval.depth": 24,
        "retrieval.mode": "dense",
        "generator.model": str(generator),
        "generator.context_tokens": 440,
        "generator.max_new_tokens": 6,
        "train_embed.dims": [32, 16],
        "train_embed.epochs": 2,
        "train_embed.batch_size": 8,
        "train_embed.mini_batch_size": 8,
        "train_embed.learning_rate": 0.01,
        "train_embed.evals_per_epoch": 1,
        "train_embed.min_pairs": 20,
        "train_embed.min_dev_questions": 8,
        "train_embed.device": "cpu",
        "raft.num_examples": 10,
        "raft.num_distractors": 1,
        "raft.num_dev_examples": 4,
        "raft.min_examples": 8,
        "raft.max_example_tokens": 480,
        "raft.general_file": str(folder / "instructions.jsonl"),
        "train_raft.lora_rank": 4,
        "train_raft.learning_rate": 0.01,
        "train_raft.epochs": 1,
        "train_raft.batch_size": 2,
        "train_raft.gradient_accumulation": 1,
        "evaluation.resamples": 200,
        "evaluation.general_files": [str(general)],
        "diagnosis.orders": 1,
    }


def tiny_settings(folder: Path, **changed: Any) -> list[str]:
    """`--set` options for a command line; `changed` replaces values, with `__` for the dot."""
    values = tiny_values(folder) | {key.replace("__", "."): value for key, value in changed.items()}
    return [word for key, value in values.items() for word in ("--set", f"{key}={json.dumps(value)}")]
