"""Whether the same commands would give the same again."""

from pathlib import Path

import pytest

from hybrid.preflight import pipeline_state
from tests.preflight.situations import Make, told


def test_a_lock_and_whole_artefacts_make_it_repeatable(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    situation = make()
    monkeypatch.chdir(tmp_path)
    assert "pip freeze" in pipeline_state.repeatable(situation).next
    lock = tmp_path / "requirements.lock"
    lock.write_text("click==0.0.1\nno-such-package==1\n", encoding="utf-8")
    assert "click" in told(pipeline_state.repeatable(situation))
    lock.write_text("# nothing\n", encoding="utf-8")
    assert pipeline_state.repeatable(situation).status == "yes"
    (situation.root / "passages" / "corpus.jsonl").write_text("", encoding="utf-8")
    found = pipeline_state.repeatable(situation)
    assert found.status == "no" and "truncated or changed" in told(found)
