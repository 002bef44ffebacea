"""Whether the same commands would give the same again."""

from importlib import metadata
from pathlib import Path

import pytest

from hybrid.preflight import pipeline_state
from tests.preflight.situations import Make, told


def test_a_lock_and_whole_artefacts_make_it_repeatable(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    situation = make()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uv.lock").write_text('[[package]]\nname = "click"\nversion = "0.0.1"\n', encoding="utf-8")
    found = pipeline_state.repeatable(situation)
    assert "pip freeze" in found.next and "no lock file" in told(found), "what is not read vouches for nothing"
    lock = tmp_path / "requirements.lock"
    lock.write_text("click==0.0.1\nno-such-package==1\n", encoding="utf-8")
    assert "click" in told(pipeline_state.repeatable(situation))
    for text in ("", "# nothing\n", "click>=8\n"):
        lock.write_text(text, encoding="utf-8")
        found = pipeline_state.repeatable(situation)
        assert found.status == "no" and "pins no version" in told(found) and "pip freeze" in found.next
    lock.write_text(f"click=={metadata.version('click')}\n", encoding="utf-8")
    found = pipeline_state.repeatable(situation)
    assert found.status == "yes" and "versions are locked" in told(found)
    (situation.root / "passages" / "corpus.jsonl").write_text("", encoding="utf-8")
    found = pipeline_state.repeatable(situation)
    assert found.status == "no" and "truncated or changed" in told(found)
