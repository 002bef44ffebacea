"""What was measured, and of what."""

from pathlib import Path
from typing import Any

import pytest

from hybrid.evaluation.pick import BOTH
from hybrid.evaluation.prompt_gain import SET_PROMPT
from hybrid.preflight import measured
from hybrid.preflight.preflight import ask
from tests.preflight.situations import Make, artefact, told

MODELS: dict[str, Any] = {"generator": {"kind": "openai", "base_url": "http://localhost:1/v1", "model": "some-model"}}
"""Nothing to fetch."""


def metrics(score: float) -> dict[str, Any]:
    return {"ndcg@10": {"value": 0.5, "num": 10}, "answer_score": {"value": score, "num": 10}}


def test_figures_of_other_models_are_no_baseline(make: Make, tmp_path: Path) -> None:
    embedder = tmp_path / "embedder"
    embedder.mkdir()
    (embedder / "modules.json").write_text("[]", encoding="utf-8")
    models = {**MODELS, "embedder": {"model": str(embedder)}}
    situation = make(**models, task={"target_score": 0.5})
    assert all(situation.base_inputs.values())
    for name in ("evaluation-base-test", "evaluation-base-3shot-test", "evaluation-tuned-test"):
        artefact(situation, name, "metrics.json", metrics(0.2))
    content = {"recommended": "generator", "sentence": "So it is.", "next_command": "do that"}
    artefact(situation, "diagnosis-base-dev", "diagnosis.json", content)
    asked = (measured.baseline, measured.diagnosed, measured.prompting)
    assert {answer(situation).status for answer in asked} == {"yes"}  # type: ignore[union-attr]
    other_embedder = {**models["embedder"], "query_prompt": "query: "}
    other_generator = {**models["generator"], "model": "another"}
    absent = {"model": "nobody/nothing"}
    for changed in (
        {"embedder": other_embedder}, {"generator": other_generator}, {"generator": absent}, {"embedder": absent},
        {"retrieval": {"k": 9}}, {"answering": {"guard": "flag"}},
    ):  # fmt: skip
        situation = make(**{**models, **changed})
        assert {answer(situation).status for answer in asked} == {"no"}, changed  # type: ignore[union-attr]
        assert "models" in told(measured.baseline(situation))


def test_a_baseline_must_be_of_these_questions(make: Make) -> None:
    situation = make(**MODELS)
    assert measured.baseline(situation).status == "no"
    artefact(situation, "evaluation-base-test", "metrics.json", metrics(0.2), passages="older")
    assert "other documents, questions or models" in told(measured.baseline(situation))
    artefact(situation, "evaluation-base-test", "metrics.json", metrics(0.2))
    found = measured.baseline(situation)
    assert found.status == "yes" and told(found) == "ndcg@10 0.500, answer_score 0.200 on 10 questions"


@pytest.mark.parametrize(
    ("layer", "methods", "status"),
    [
        ("generator", ("raft",), "yes"),
        ("generator", ("embed", "raft"), "yes"),
        ("generator", ("embed",), "no"),
        ("ranking", ("embed", "raft"), "no"),
        (None, ("embed", "raft"), "no"),
    ],
)
def test_the_diagnosis_must_name_the_layer(make: Make, layer: str | None, methods: Any, status: str) -> None:
    situation = make(*methods, **MODELS)
    assert measured.diagnosed(situation).status == "no"
    content = {"recommended": layer, "sentence": "So it is.", "next_command": "do that"}
    artefact(situation, "diagnosis-base-dev", "diagnosis.json", content)
    found = measured.diagnosed(situation)
    assert found.status == status and told(found) == "So it is."
    assert found.next == "do that" if status == "no" else "do that" not in found.next


def test_while_another_query_prompt_is_better_nothing_is_tuned(make: Make) -> None:
    content = {
        "recommended": "embedder",
        "sentence": "Change it.",
        "next_command": f'{SET_PROMPT}"", then hybrid index',
    }
    for methods in (("embed",), ("embed", "raft")):
        situation = make(*methods, **MODELS)
        artefact(situation, "diagnosis-base-dev", "diagnosis.json", content)
        found = measured.diagnosed(situation)
        assert found.status == "no" and found.next == content["next_command"]
        waits = measured.proven_prompt(situation)
        assert waits is not None and waits.status == "no" and told(waits) == "Change it."


@pytest.mark.parametrize(
    ("stays", "methods", "diagnosed", "stops"),
    [
        ("generator", ("raft",), "no", True),
        ("embedder", ("embed", "raft"), "no", True),
        ("embedder", ("embed",), "yes", False),
        ("generator", ("embed",), "no", False),
        (None, ("embed",), "no", False),
    ],
)
def test_while_another_prompt_form_is_better_no_generator_is_tuned(
    make: Make, stays: str | None, methods: Any, diagnosed: str, stops: bool
) -> None:
    situation = make(*methods, **MODELS)
    assert measured.proven_prompt(situation) is None
    content = {
        "recommended": "prompt",
        "with_present_prompt": stays,
        "sentence": "Change it.",
        "next_command": "remove answering.instruction, then hybrid diagnose",
    }
    artefact(situation, "diagnosis-base-dev", "diagnosis.json", content)
    found = measured.diagnosed(situation)
    assert found.status == diagnosed and found.next == (content["next_command"] if diagnosed == "no" else "")
    hard = {answer.key: answer for answer in ask(situation, hard_only=True)}
    assert ("proven-prompt" in hard) is stops
    if stops:
        assert hard["proven-prompt"].status == "no" and hard["proven-prompt"].next == content["next_command"]
    # adopted: what was diagnosed is another system
    adopted = make(*methods, **MODELS, answering={"instruction": "Answer yes or no."})
    assert measured.proven_prompt(adopted) is None


def test_where_both_layers_must_be_mended_both_may_be_tuned(make: Make) -> None:
    content = {"recommended": None, "sentence": "Both.", "next_command": BOTH}
    for methods, status in ((("embed", "raft"), "yes"), (("embed",), "no")):
        situation = make(*methods, **MODELS)
        artefact(situation, "diagnosis-base-dev", "diagnosis.json", content)
        assert measured.diagnosed(situation).status == status


def test_a_prompt_that_does_it_is_reason_not_to_tune(make: Make) -> None:
    assert measured.prompting(make("embed")) is None
    found = measured.prompting(make("raft", task={}, **MODELS))
    assert found is not None and found.status == "no" and "few_shot" in found.next
    situation = make("raft", task={}, **MODELS)
    artefact(situation, "evaluation-base-2shot-test", "metrics.json", metrics(0.3))
    artefact(situation, "evaluation-base-5shot-test", "metrics.json", metrics(0.2))
    found = measured.prompting(situation)
    assert found is not None and found.status == "unknown" and "with 2 worked examples 30.0" in told(found)
    for target, status in ((0.34, "no"), (0.5, "yes")):
        found = measured.prompting(make("raft", task={"target_score": target}, **MODELS))
        assert found is not None and found.status == status
    for reached, status in ((0.32, "no"), (0.6, "yes")):
        situation = make("raft", task={}, **MODELS)
        artefact(situation, "evaluation-tuned-test", "metrics.json", metrics(reached))
        found = measured.prompting(situation)
        assert found is not None and found.status == status
