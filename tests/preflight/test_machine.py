"""Cores, memory, disk and minutes."""

from pathlib import Path

from hybrid.preflight import machine
from hybrid.tuning.step_clock import StepClock
from tests.preflight.situations import Make, model, told


def test_minutes_are_measured_where_they_can_be_and_else_reckoned(make: Make, tmp_path: Path) -> None:
    folder = model(tmp_path / "m", (1000, 1000))
    situation = make("embed", embedder={"model": folder})
    found = machine.hardware(situation)
    assert found.status == "yes" and "embedder of 1 M parameters" in told(found) and "by formula" in told(found)
    StepClock([60.0, 3.0, 60.0]).record(situation.root, Path(folder), 32)
    found = machine.hardware(situation)
    # 40 pairs in steps of 32, three epochs
    assert "about 6 minutes (6 steps of 60 s as measured before)" in told(found)
    assert found.evidence[1].file == "training-speed.jsonl"
    other = make("embed", embedder={"model": folder}, train_embed={"batch_size": 16})
    assert "by formula" in told(machine.hardware(other)), "a step of another size takes another time"


def test_a_model_too_large_for_the_machine_is_told(make: Make, tmp_path: Path) -> None:
    huge = model(tmp_path / "huge", (1_000_000, 1_000_000))
    found = machine.hardware(make("raft", generator={"model": huge}))
    assert found.status == "no" and "smaller model" in found.next
    absent = machine.hardware(make("raft", generator={"model": "nobody/nothing"}))
    assert absent.status == "unknown" and "fetch the model" in absent.next


def test_weights_that_are_no_safetensors_file_have_no_size(make: Make, tmp_path: Path) -> None:
    folder = Path(model(tmp_path / "m", (100, 100)))
    assert machine.parameters(folder) == 10_000
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    for content in (pointer, whole[:40], whole[:-100], b""):
        weights.write_bytes(content)
        assert machine.parameters(folder) is None
        found = machine.hardware(make("embed", embedder={"model": str(folder)}))
        assert found.status == "unknown" and "no whole weights" in told(found)


def test_a_generator_behind_an_api_cannot_be_trained(make: Make, tmp_path: Path) -> None:
    remote = {"kind": "openai", "base_url": "http://localhost:1/v1", "model": "some-model"}
    settings = {"generator": remote, "embedder": {"model": model(tmp_path / "m")}}
    found = machine.hardware(make("embed", "raft", **settings))
    assert found.status == "no" and "behind an API" in told(found) and "--method embed" in found.next
    assert machine.hardware(make("embed", **settings)).status == "yes"
