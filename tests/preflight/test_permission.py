"""The licences of models, teachers and data."""

from pathlib import Path

from hybrid.corpus.task import Task
from hybrid.preflight import permission
from tests.preflight.situations import Make, model, told


def test_the_licence_of_a_model_is_found_where_its_folder_says_it(make: Make, tmp_path: Path) -> None:
    card = model(tmp_path / "card", README_md="---\nlicense: other\nlicense_name: llama3.1\n---\n# A model\n")
    text = model(tmp_path / "text", LICENSE="      Apache License\n   Version 2.0, January 2004\n")
    config = model(tmp_path / "config", config_json='{"license": "MIT"}')
    silent = model(tmp_path / "silent", README_md="# no header")
    wanted = {card: "llama3.1", text: "apache-2.0", config: "mit", silent: ""}
    for folder, name in wanted.items():
        assert permission.licence_of_model(folder, "embedder", Task())[0] == name
    data_licences = {"documents_licence": "own", "questions_licence": "own"}
    assert permission.licences(make("embed", task=data_licences, embedder={"model": card})).status == "yes"
    unsaid = permission.licences(make("embed", task=data_licences, embedder={"model": silent}))
    assert unsaid.status == "unknown" and "model_licences" in unsaid.next
    named = {**data_licences, "model_licences": {silent: "mit"}}
    assert permission.licences(make("embed", task=named, embedder={"model": silent})).status == "yes"


def test_one_forbidden_licence_is_enough_until_its_terms_are_accepted(make: Make, tmp_path: Path) -> None:
    settings = {"embedder": {"model": model(tmp_path / "m", README_md="---\nlicense: cc-by-nc-4.0\n---\n")}}
    task = {"documents_licence": "own", "questions_licence": "own"}
    assert permission.licences(make("embed", task=task, **settings)).status == "yes"
    assert permission.licences(make("embed", task={**task, "use": "commercial"}, **settings)).status == "no"
    accepted = {**task, "use": "commercial", "accepted_terms": ["CC-BY-NC-4.0"]}
    assert permission.licences(make("embed", task=accepted, **settings)).status == "yes"
    forbidden = permission.licences(make("embed", task={**task, "documents_licence": "no-training"}, **settings))
    assert forbidden.status == "no" and "documents" in forbidden.next


def test_a_teacher_is_named_by_the_questions_or_by_the_task(make: Make, tmp_path: Path) -> None:
    settings = {"embedder": {"model": model(tmp_path / "m", README_md="---\nlicense: mit\n---\n")}}
    task = {"documents_licence": "own", "questions_licence": "own"}
    said = permission.licences(make("embed", task={**task, "teacher": "big", "teacher_licence": "openai"}, **settings))
    assert said.status == "no" and "teacher big" in said.next
    asked = ({"question": "?", "answerable": False, "split": "train", "teacher": "small", "teacher_licence": "mit"},)
    found = permission.licences(make("embed", task=task, questions=asked, **settings))
    assert found.status == "yes" and "teacher small: mit" in told(found)
