"""The table of licences: who may train with what."""

import pytest

from hybrid.embedded_models import EMBEDDED
from hybrid.licences import LICENCES, find, judge


@pytest.mark.parametrize(
    ("name", "role", "use", "permission"),
    [
        ("Apache-2.0", "model", "commercial", "yes"),
        ("Apache License 2.0", "model", "", "yes"),
        ("cc-by-nc-4.0", "model", "commercial", "no"),
        ("cc-by-nc-4.0", "data", "research", "yes"),
        ("cc-by-nc-4.0", "data", "", "yes"),
        ("cc-by-nc-4.0", "data", "internal", "yes"),
        ("cc-by-nc-nd-4.0", "data", "commercial", "no"),
        ("qwen-research", "model", "research", "yes"),
        ("qwen-research", "model", "internal", "no"),
        ("fair-noncommercial-research", "teacher", "internal", "no"),
        ("mnpl", "model", "internal", "no"),
        ("no-training", "data", "research", "no"),
        ("openai", "teacher", "internal", "no"),
        ("llama3", "teacher", "internal", "no"),
        ("llama3.1", "teacher", "commercial", "yes"),
        ("llama3", "model", "commercial", "yes"),
        ("mrl", "model", "commercial", "no"),
        ("something-else", "model", "", None),
        ("", "data", "", None),
    ],
)
def test_permissions(name: str, role: str, use: str, permission: str | None) -> None:
    assert judge(name, role, use).permission == permission  # type: ignore[arg-type]


def test_a_llama_may_teach_a_llama() -> None:
    assert judge("llama3", "teacher", "internal", base_licence="Llama3").permission == "yes"
    assert judge("openai", "teacher", "internal", base_licence="llama3").permission == "no"


def test_the_table_has_each_licence_once_and_a_reason_for_every_limit() -> None:
    names = [licence.id for licence in LICENCES]
    assert len(names) == len(set(names)) > 40
    limited = [lic for lic in LICENCES if "no" in (lic.training, lic.outputs) or lic.purpose != "any"]
    assert limited and all(licence.note for licence in limited)
    assert all(lic.purpose == "research" for lic in LICENCES if "research" in lic.note)
    assert all(find(model.licence) for model in EMBEDDED)
