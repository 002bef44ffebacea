"""Whose terms hold when a teacher writes training questions."""

from pathlib import Path

import pytest

from hybrid.config import GeneratorConfig
from hybrid.corpus.passages import CorpusFolder
from hybrid.errors import UserError
from hybrid.licences import Verdict
from hybrid.lifecycle.teacher import check_terms

SERVICE = GeneratorConfig(kind="openai", base_url="https://api.openai.com/v1", model="some-model")
BASE = GeneratorConfig(model="nobody/base")


def check(folder: Path, teacher: GeneratorConfig, task: str = "", *, accepted: bool = False) -> tuple[str, Verdict]:
    (folder / "task.yaml").write_text(task, encoding="utf-8")
    return check_terms(teacher, BASE, CorpusFolder(folder), accepted=accepted)


@pytest.fixture
def apache(tmp_path: Path) -> GeneratorConfig:
    folder = tmp_path / "apache"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n", encoding="utf-8")
    return GeneratorConfig(model=str(folder))


@pytest.mark.parametrize("task", ["", "teacher_licence: apache-2.0\n", "teacher_licence: something-else\n"])
def test_an_entry_of_another_teacher_permits_nothing(tmp_path: Path, task: str) -> None:
    with pytest.raises(UserError, match="openai") as caught:
        check(tmp_path, SERVICE, task)
    assert "--accept-teacher-terms" in caught.value.remedy and "accepted_terms" in caught.value.remedy
    licence, verdict = check(tmp_path, SERVICE, task, accepted=True)
    assert licence == "openai" and verdict.permission == "no"


def test_an_entry_may_forbid_what_the_model_card_allows(tmp_path: Path, apache: GeneratorConfig) -> None:
    assert check(tmp_path, apache)[0] == "apache-2.0"
    with pytest.raises(UserError, match="openai"):
        check(tmp_path, apache, "teacher_licence: openai\n")


def test_terms_that_the_task_accepts_are_accepted_as_in_the_preflight(tmp_path: Path) -> None:
    licence, verdict = check(tmp_path, SERVICE, "accepted_terms: [OpenAI]\n")
    assert licence == "openai" and verdict.permission == "no"
    with pytest.raises(UserError, match="cohere"):
        check(tmp_path, SERVICE, "accepted_terms: [openai]\nteacher_licence: cohere\n")


def test_the_licence_that_the_task_states_of_a_model_is_its_licence(tmp_path: Path) -> None:
    (tmp_path / "silent").mkdir()
    silent = GeneratorConfig(model=str(tmp_path / "silent"))
    assert check(tmp_path, silent)[0] == ""
    assert check(tmp_path, silent, f"model_licences: {{{silent.model}: mit}}\n")[0] == "mit"
