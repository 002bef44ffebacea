"""Chats: RAFT examples go out as trainers read them, and chats of any of their forms come back as questions."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hybrid.artifacts import require
from hybrid.config import Config
from hybrid.corpus.importers import import_corpus
from hybrid.corpus.questions import read_questions
from hybrid.data.chat_exports import CHAT_FORMATS, ChatFormat, export_chats
from hybrid.data.chat_import import read_chats
from hybrid.errors import InputError, UserError
from hybrid.jsonl import read_jsonl
from hybrid.tuning.raft import build_raft
from hybrid.types import Chat, Hit
from tests.data.samples import PASSAGES, QUESTIONS, came_back


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


def test_axolotl_is_told_of_the_files_that_are_there(tmp_path: Path, raft: Path) -> None:
    import yaml

    (tmp_path / "raft").mkdir()
    (tmp_path / "raft" / "train.jsonl").write_text("")
    shutil.copy(raft / "dev.jsonl", tmp_path / "raft" / "dev.jsonl")
    export_chats(tmp_path / "raft", "axolotl", tmp_path / "out")
    (key, (part,)), *more = yaml.safe_load((tmp_path / "out" / "axolotl.yaml").read_text()).items()
    assert (key, part["path"], more) == ("test_datasets", "dev.jsonl", [])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["axolotl.yaml", "dev.jsonl"]


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


def chat(user: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": answer}], **more}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_of_a_question_in_several_chats_the_one_that_shows_passages_counts(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    chats = [chat("How heavy?", "20 kg"), chat(CONTEXT, "I don't know."), chat(CONTEXT, "20 kg [2]")]
    rows = [chats[place] for place in order]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, chat("Hello", "Hi")]))
    told = import_corpus(tmp_path / "train.jsonl", read_chats, tmp_path / "corpus")
    questions, passages = came_back(tmp_path / "corpus")
    (found,) = questions.values()
    assert (found.answers, found.answerable) == (("20 kg",), True)
    assert [passages[name].text for name in found.positives] == ["It weighs 20 kg."]
    assert "1 questions have no passages that can be told apart, and are left out" in told["notes"]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"columns": None, "tags": None}, ""),
        ({"columns": {"messages": ["a"]}}, "not LLaMA"),
        ({"tags": "x"}, "not LLaMA"),
    ],
)
def test_descriptions_that_are_not_mappings_of_names(tmp_path: Path, entry: dict[str, Any], problem: str) -> None:
    (tmp_path / "dataset_info.json").write_text(json.dumps({"mine": {"file_name": "data.json", **entry}}))
    (tmp_path / "data.json").write_text(json.dumps([chat(CONTEXT, "20 kg [2]")]))
    if problem:
        with pytest.raises(InputError, match=problem):
            import_corpus(tmp_path, read_chats, tmp_path / "corpus")
    else:
        assert import_corpus(tmp_path, read_chats, tmp_path / "corpus")["questions"] == 1
