"""Exports: what goes out comes back the same, and the libraries that are meant read it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.artifacts import require
from hybrid.config import Config
from hybrid.corpus.importers import import_corpus
from hybrid.corpus.passages import read_passages
from hybrid.corpus.questions import read_questions, resolve
from hybrid.data.chat_exports import CHAT_FORMATS, ChatFormat, export_chats
from hybrid.data.chat_import import read_chats, split_prompt
from hybrid.data.exporters import DataFormat, export_data
from hybrid.data.table_import import read_tables
from hybrid.errors import InputError, UserError
from hybrid.jsonl import read_jsonl
from hybrid.tuning.raft import build_raft
from hybrid.types import Chat, Evidence, Hit, Passage, Question

PASSAGES = [
    Passage(
        id=f"m{n // 2}.md#{n}",
        text=f"Pump {n} is blue.\nIt weighs {100 + n} kg.",
        title=f'Pump_{n // 2} "é"',
        document_id=f"m{n // 2}.md",
    )
    for n in range(12)
]
PASSAGES[1] = replace(PASSAGES[1], section="Mass › dry")


def question(n: int, **changes: Any) -> Question:
    passage = PASSAGES[n % len(PASSAGES)]
    values: dict[str, Any] = {
        "id": f"q{n}",
        "question": f"How heavy is pump {n}?",
        "answers": (f"{100 + n} kg",),
        "positives": (passage.id,),
        "split": ("train", "train", "dev", "test")[n % 4],
        "answer_type": "number",
        "evidence": (Evidence(passage.document_id, f"It weighs {100 + n} kg."),),
    }
    return Question(**{**values, **changes})


QUESTIONS = [
    *(question(n) for n in range(10)),
    question(10, topic="mass", case="edge", group="blue", origin="users", pattern=r"\d+ kg"),
    question(11, json_schema='{"type": "object"}', answers=("111 kg", "is blue")),
    question(12, id="u1", answers=(), positives=(), evidence=(), answerable=False, split="dev", topic="price"),
    question(13, id="u2", answers=(), positives=(), evidence=(), answerable=False, split="test"),
]


def came_back(corpus: Path) -> tuple[dict[str, Question], dict[str, Passage]]:
    passages = read_passages(corpus / "passages.jsonl")
    questions = resolve(read_questions([corpus / "questions.jsonl"]), passages, {}).questions
    return {q.id: q for q in questions}, {p.id: p for p in passages}


READERS: dict[str, Any] = {"hf": read_tables, "beir": "beir", "squad": "squad"}


@pytest.mark.parametrize("kind", ["hf", "beir", "squad"])
def test_what_is_exported_is_imported_the_same(tmp_path: Path, kind: DataFormat) -> None:
    counts, notes = export_data(QUESTIONS, PASSAGES, kind, tmp_path / "out")
    assert (counts, notes) == ({"passages": 12, "questions": 14}, [])
    import_corpus(tmp_path / "out", READERS[kind], tmp_path / "corpus", split="train")
    questions, passages = came_back(tmp_path / "corpus")
    # quotes are not needed beside named passages, and stand in documents that ready passages do not have
    assert questions == {q.id: replace(q, evidence=()) for q in QUESTIONS}
    plain = {p.id: (p.text, p.title, p.section, p.document_id) for p in PASSAGES}
    assert {p.id: (p.text, p.title, p.section, p.document_id) for p in passages.values()} == plain
    with pytest.raises(UserError, match="exists"):
        export_data(QUESTIONS, PASSAGES, kind, tmp_path / "out")
    again = tmp_path / "again"
    export_data(QUESTIONS, PASSAGES, kind, again)
    files = [path.relative_to(again) for path in again.rglob("*") if path.is_file()]
    assert all((again / name).read_bytes() == (tmp_path / "out" / name).read_bytes() for name in files)


def test_squad_says_what_it_cannot_hold(tmp_path: Path) -> None:
    yes = question(0, answers=("yes",), answer_type="yes_no")
    two = question(1, positives=(PASSAGES[0].id, PASSAGES[1].id))
    counts, (note,) = export_data([yes, two], PASSAGES, "squad", tmp_path / "out")
    assert counts["questions"] == 1 and note.startswith("1 questions left out: no answer stands word for word")
    data = json.loads((tmp_path / "out" / "train.json").read_text())["data"]
    for article in data:
        for paragraph in article["paragraphs"]:
            for qa in paragraph["qas"]:
                assert paragraph["id"] == PASSAGES[1].id, "the passage that holds the answer"
                for answer in qa["answers"]:
                    start = answer["answer_start"]
                    assert paragraph["context"][start : start + len(answer["text"])] == answer["text"]
    with pytest.raises(UserError, match="no question can be written as squad"):
        export_data([yes], PASSAGES, "squad", tmp_path / "none")
    with pytest.raises(UserError, match="no questions"):
        export_data([], PASSAGES, "beir", tmp_path / "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_datasets_loads_the_hub_layout(tmp_path: Path) -> None:
    from datasets import load_dataset

    export_data(QUESTIONS, PASSAGES, "hf", tmp_path / "out", card="# Card\n")
    loaded = load_dataset(str(tmp_path / "out"), "questions", cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in loaded.items()} == {"train": 6, "validation": 4, "test": 4}
    assert loaded["train"][0]["positives"] == [PASSAGES[0].id]
    passages = load_dataset(str(tmp_path / "out"), "passages", split="corpus", cache_dir=str(tmp_path / "cache"))
    assert passages.column_names[:2] == ["id", "text"] and len(passages) == 12
    assert (tmp_path / "out" / "README.md").read_text().endswith("# Card\n")


def test_a_saved_dataset_with_contexts_is_read(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    rows = [
        {"id": 1, "title": "The_Pump", "context": "It weighs 20 kg.", "question": "How heavy?"}
        | {"answers": {"text": ["20 kg"], "answer_start": [10]}},
        {"id": 2, "title": "The_Pump", "context": "It weighs 20 kg.", "question": "How old?"}
        | {"answers": {"text": [], "answer_start": []}},
    ]
    parts = {"train": Dataset.from_list(rows[:1]), "validation": Dataset.from_list(rows[1:])}
    DatasetDict(parts).save_to_disk(str(tmp_path / "saved"))
    import_corpus(tmp_path / "saved", read_tables, tmp_path / "corpus")
    questions, passages = came_back(tmp_path / "corpus")
    (passage,) = passages.values()
    assert (passage.title, passage.document_id) == ("The Pump", "The Pump")
    known, unknown = questions["1"], questions["2"]
    assert (known.answers, known.positives, known.split) == (("20 kg",), (passage.id,), "train")
    assert (unknown.answerable, unknown.positives, unknown.split) == (False, (), "dev")


def test_rows_with_several_contexts_and_no_ids(tmp_path: Path) -> None:
    rows = [
        {"question": "How heavy?", "answer": "20 kg", "contexts": ["It is red.", "It weighs 20 kg."], "split": "dev"},
        {"question": "Why?", "answer": "because", "contexts": ["One half.", "Other half."]},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = import_corpus(tmp_path / "rows.jsonl", read_tables, tmp_path / "corpus", split="train")
    questions, passages = came_back(tmp_path / "corpus")
    first, second = questions["q00001"], questions["q00002"]
    assert [passages[name].text for name in first.positives] == ["It weighs 20 kg."]
    assert [passages[name].text for name in second.positives] == ["One half.", "Other half."]
    assert (first.split, second.split) == ("dev", "train")
    assert told["passages"] == 4 and "2 questions bring several contexts" in told["notes"][0]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("x.jsonl", b'{"prompt": "?"}\n', "no table with a column `question` \\(columns: prompt\\)"),
        ("x.jsonl", b'{"question": "?", "answer": "a"}\n', "neither a table of passages nor a column `context`"),
        ("x.jsonl", b'{"question": "?", "context": {"a": 1}}\n', "a context is dict"),
        ("x.jsonl", b'{"question": "?", "answers": 3, "context": "c"}\n', "`answers` is int"),
        ("x.jsonl", b'{"question": "?", "context": "c", "json_schema": "{"}\n', "`json_schema` is not JSON"),
        ("x.parquet", b"PAR1 no", "not a Parquet file"),
    ],
)
def test_bad_tables_are_named_and_leave_nothing(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=problem):
        import_corpus(tmp_path / name, read_tables, tmp_path / "corpus")
    assert [path.name for path in tmp_path.iterdir()] == [name]


# -- chats -----------------------------------------------------------------------------------------------------------


def words(chat: Chat) -> int:
    return sum(len(message.content.split()) for message in chat)


@pytest.fixture(scope="module")
def raft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    general = folder / "general.jsonl"
    general.write_text('{"instruction": "Count to 2.", "response": "0 1"}\n')
    values = {"num_examples": 20, "min_examples": 4, "num_distractors": 2, "general_file": str(general)}
    config = Config.model_validate({"raft": {**values, "general_share": 0.1, "oracle_rate": 0.8}})
    hits = {q.id: [Hit(p.id, 1 - n / 100, n) for n, p in enumerate(PASSAGES, 1)] for q in QUESTIONS}
    build_raft(
        QUESTIONS,
        {p.id: p for p in PASSAGES},
        hits,
        count_tokens=words,
        config=config,
        target=folder / "raft",
        inputs={},
    )
    require(folder / "raft", "hybrid train-raft")
    return folder / "raft"


def oracles(raft: Path) -> dict[str, dict[str, Any]]:
    """Examples by question, those that keep their oracle only."""
    rows = [row for split in ("train", "dev") for _, row in read_jsonl(raft / f"{split}.jsonl")]
    return {row["question_id"]: row for row in rows if row["kind"] == "oracle"}


@pytest.mark.parametrize("kind", CHAT_FORMATS)
def test_chats_come_back_as_far_as_chats_go(tmp_path: Path, raft: Path, kind: ChatFormat) -> None:
    counts, _ = export_chats(raft, kind, tmp_path / "out")
    assert counts == {split: len(list(read_jsonl(raft / f"{split}.jsonl"))) for split in ("train", "dev")}
    told = import_corpus(tmp_path / "out", read_chats, tmp_path / "corpus")
    questions, passages = came_back(tmp_path / "corpus")
    by_wording = {q.question: q for q in questions.values()}
    by_id = {q.id: q for q in QUESTIONS}
    text_of = {p.id: p.full_text for p in PASSAGES}
    expected = oracles(raft)
    assert len(expected) >= 5
    for name, example in expected.items():
        found = by_wording[by_id[name].question]
        assert found.answers == by_id[name].answers[:1] and found.split == by_id[name].split
        assert [passages[positive].text for positive in found.positives] == [text_of[example["oracle"]]]
    assert "Count to 2." not in by_wording
    assert any("1 questions have no passages" in note for note in told["notes"])
    assert any("unanswerable here" in note for note in told["notes"])
    with pytest.raises(UserError, match="exists"):
        export_chats(raft, kind, tmp_path / "out")


def test_trl_trains_on_the_completion(tmp_path: Path, raft: Path) -> None:
    from datasets import load_dataset
    from transformers import AutoTokenizer
    from trl import apply_chat_template, is_conversational

    from tests.tiny_generator import tiny_generator

    export_chats(raft, "trl", tmp_path / "out")
    files = {split: str(tmp_path / "out" / f"{split}.jsonl") for split in ("train", "dev")}
    loaded = load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))
    tokenizer = AutoTokenizer.from_pretrained(tiny_generator(tmp_path / "model"))
    for row, (_, example) in zip(loaded["train"], read_jsonl(raft / "train.jsonl"), strict=True):
        assert is_conversational(row)
        rendered = apply_chat_template(row, tokenizer)
        assert rendered["completion"].startswith(example["completion"][0]["content"])
        assert rendered["prompt"].endswith("<|im_start|>assistant\n")


def test_openai_s_own_checks(tmp_path: Path, raft: Path) -> None:
    """Those of the cookbook's "Data preparation and analysis for chat model fine-tuning"."""
    counts, notes = export_chats(raft, "openai", tmp_path / "out")
    assert (notes == []) == (counts["train"] >= 10)
    for split in counts:
        for _, record in read_jsonl(tmp_path / "out" / f"{split}.jsonl"):
            assert set(record) == {"messages"}
            assert all(set(message) == {"role", "content"} and message["content"] for message in record["messages"])
            roles = [message["role"] for message in record["messages"]]
            assert set(roles) <= {"system", "user", "assistant"} and roles[-1] == "assistant"


def test_configurations_name_the_files_and_fields(tmp_path: Path, raft: Path) -> None:
    import yaml

    export_chats(raft, "axolotl", tmp_path / "axolotl")
    parts = yaml.safe_load((tmp_path / "axolotl" / "axolotl.yaml").read_text())
    for key in ("datasets", "test_datasets"):
        (part,) = parts[key]
        (_, first), *_ = read_jsonl(tmp_path / "axolotl" / part["path"])
        message = first[part["field_messages"]][-1]
        assert message[part["message_property_mappings"]["role"]] in part["roles_to_train"]
    export_chats(raft, "llama-factory", tmp_path / "factory")
    entries = json.loads((tmp_path / "factory" / "dataset_info.json").read_text())
    assert sorted(entries) == ["hybrid_dev", "hybrid_train"]
    for entry in entries.values():
        (_, first), *_ = read_jsonl(tmp_path / "factory" / entry["file_name"])
        message = first[entry["columns"]["messages"]][-1]
        assert message[entry["tags"]["role_tag"]] == entry["tags"]["assistant_tag"]


CONTEXT = "[1] It is red.\n\n[2] It weighs 20 kg.\n\nQuestion: How heavy?"
FORMS: dict[str, dict[str, Any]] = {
    "messages": {"messages": [{"role": "user", "content": CONTEXT}, {"role": "assistant", "content": "20 kg [2]."}]},
    "sharegpt": {"conversations": [{"from": "human", "value": CONTEXT}, {"from": "gpt", "value": "20 kg [2]"}]},
    "axolotl": {"conversations": [{"role": "user", "content": CONTEXT}, {"role": "assistant", "content": "20 kg [2]"}]},
    "parts": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": CONTEXT}]},
            {"role": "assistant", "content": "20 kg"},
        ]
    },
    "text": {"prompt": CONTEXT, "completion": "It is what it is. Answer: 20 kg [2]"},
    "alpaca": {"instruction": "How heavy?", "input": "[1] It is red.\n\n[2] It weighs 20 kg.", "output": "20 kg"},
    "labelled": {"instruction": "How heavy?", "input": "It weighs 20 kg.", "output": "20 kg"},
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_chats(tmp_path: Path, form: str) -> None:
    (tmp_path / "dev.jsonl").write_text(json.dumps(FORMS[form]) + "\n")
    import_corpus(tmp_path, read_chats, tmp_path / "corpus")
    questions, passages = came_back(tmp_path / "corpus")
    (found,) = questions.values()
    assert (found.question, found.answers, found.split) == ("How heavy?", ("20 kg",), "dev")
    assert [passages[name].text for name in found.positives] == ["It weighs 20 kg."]


def test_a_described_file_is_read_by_its_description(tmp_path: Path) -> None:
    info = {
        "mine": {
            "file_name": "data.json",
            "formatting": "sharegpt",
            "columns": {"messages": "talk"},
            "tags": {"role_tag": "who", "content_tag": "says", "user_tag": "U", "assistant_tag": "A"},
        },
        "elsewhere": {"hf_hub_url": "somebody/some"},
    }
    (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    talk = [{"who": "U", "says": CONTEXT}, {"who": "A", "says": "I don't know."}]
    (tmp_path / "data.json").write_text(json.dumps([{"talk": talk}]))
    import_corpus(tmp_path, read_chats, tmp_path / "corpus", split="train")
    (found,) = came_back(tmp_path / "corpus")[0].values()
    assert (found.question, found.answerable, found.answers, found.split) == ("How heavy?", False, (), "train")


def test_chats_without_passages_become_questions_only(tmp_path: Path) -> None:
    chat = {"messages": [{"role": "user", "content": "How heavy is it?"}, {"role": "assistant", "content": "20 kg."}]}
    (tmp_path / "train.jsonl").write_text(json.dumps(chat) + "\n")
    told = import_corpus(tmp_path / "train.jsonl", read_chats, tmp_path / "corpus")
    assert told["passages"] == 0 and "put documents/ beside" in told["notes"][-1]
    assert [path.name for path in (tmp_path / "corpus").iterdir()] == ["questions.jsonl"]
    ((item),) = read_questions([tmp_path / "corpus" / "questions.jsonl"])
    assert (item.question.question, item.question.answers) == ("How heavy is it?", ("20 kg",))


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("x.jsonl", '{"text": "all in one"}\n', r"x.jsonl:1: no chat in it \(fields: text\)"),
        ("x.jsonl", '{"prompt": {"a": 1}, "completion": null}\n', r"x.jsonl:1: no chat in it"),
        ("x.jsonl", '{"messages": [{"role": "user"}]}\n', r"x.jsonl:1: a message has no role or no text"),
        ("x.jsonl", '{"messages": [{"role": "user", "content": "a"}]}\n', "no question with an answer in 1 chats"),
        ("x.json", '{"messages": []}', "not an array"),
        ("x.json", "[{", "malformed JSON"),
        ("dataset_info.json", '["x"]', "not LLaMA-Factory's form"),
        ("readme.txt", "", r"no .jsonl or .json file"),
    ],
)
def test_bad_chats_are_named_and_leave_nothing(tmp_path: Path, name: str, content: str, problem: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text(content)
    with pytest.raises(InputError, match=problem):
        import_corpus(tmp_path / "in", read_chats, tmp_path / "corpus")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_prompts_that_cannot_be_told_apart_are_questions_whole() -> None:
    assert split_prompt("[1] is a footnote. Why?") == ("[1] is a footnote. Why?", [])
    assert split_prompt("(no passages)\n\nQuestion: Why?") == ("Why?", [])
    first = "Question: Why?\n\n[1] Because.\n[7] no passage\n\n[2] So.\n\nQuestion: Why?"
    assert split_prompt(first) == ("Why?", ["Because.\n[7] no passage", "So."])
    assert split_prompt("Context: It is red.\n\nQuestion: What colour?") == ("What colour?", ["It is red."])
