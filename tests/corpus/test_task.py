"""The task file: its template, its errors, and what it allows."""

import re
from pathlib import Path

import pytest
import yaml

from hybrid.corpus.task import TEMPLATE, Task, read_task
from hybrid.errors import InputError


def written(folder: Path, text: str) -> Path:
    path = folder / "task.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_template_names_every_key_and_says_nothing(tmp_path: Path) -> None:
    assert set(yaml.safe_load(TEMPLATE)) == set(Task.model_fields)
    assert read_task(written(tmp_path, TEMPLATE)) == Task()
    assert len(re.findall(r"#", TEMPLATE)) > len(Task.model_fields) / 2, "it is commented"


def test_no_file_is_no_task(tmp_path: Path) -> None:
    assert read_task(tmp_path / "task.yaml") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("task: x\n  input: [", "task.yaml:2"),
        ("- a list\n", "not a mapping"),
        ("tusk: x\n", "tusk: unknown key"),
        ("use: selling\n", "use: "),
        ("change_rate_per_month: 3\n", "change_rate_per_month: "),
        ("reviewed_on: soon\n", "reviewed_on: "),
        ("answer_words: 0\n", "answer_words: "),
        ("answer_pattern: '['\n", "answer_pattern is no regular expression"),
        ("answer_schema: {type: nonsense}\n", "answer_schema is no JSON Schema"),
        ("answer_schema: '{broken'\n", "answer_schema is not JSON"),
        ("answer_schema: nowhere.json\n", "answer_schema cannot be read"),
        ("answer_schema: [1]\n", "not an object"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        read_task(written(tmp_path, text))
    assert told in str(caught.value) and "task.yaml" in str(caught.value) and caught.value.remedy


@pytest.mark.parametrize("text", ["answer_schema: {type: object}", 'answer_schema: \'{"type": "object"}\''])
def test_a_schema_is_written_as_it_suits(tmp_path: Path, text: str) -> None:
    task = read_task(written(tmp_path, text))
    assert task is not None and task.answer_schema == '{"type": "object"}'


def test_personal_data_that_is_allowed_does_not_cover_secrets() -> None:
    secret, mail = "secret (AWS Access Key)", "e-mail address"
    assert [Task(personal_data=True).allows(kind) for kind in (secret, mail)] == [False, True]
    assert [Task(personal_data=(secret,)).allows(kind) for kind in (secret, mail)] == [True, False]
    assert not Task().allows(mail)
