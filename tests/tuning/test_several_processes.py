"""Training in two processes over gloo: the same artefacts, published once, by the process that was called."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from hybrid.artifacts import artifact_id
from hybrid.config import Config
from hybrid.errors import HybridError, InputError
from hybrid.tuning.generator import train_generator
from hybrid.tuning.generator_course import run_course
from tests.conftest import REPOSITORY
from tests.tiny_generator import tiny_generator
from tests.tiny_models import tiny_embedder
from tests.tuning.test_embedder_training import PASSAGES, _config, _questions, _train
from tests.tuning.test_generator_training import raft_folder, settings


def test_an_adapter_is_trained_by_two_processes_and_published_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    base, raft = tiny_generator(tmp_path / "base"), raft_folder(tmp_path / "raft")
    target = tmp_path / "adapter"
    config = settings(processes=2, epochs=12)
    manifest = train_generator(base, raft, config=config, target=target, inputs={"raft": "r"})
    assert manifest.facts["verdict"] == "tuned"
    assert manifest.facts["best_eval_loss"] < 0.5 * manifest.facts["base_eval_loss"]
    # 20 examples, four at a time in each of two processes
    assert manifest.counts["steps"] == 12 * 3
    assert manifest.facts["history"][0]["eval_loss"] == manifest.facts["base_eval_loss"]
    files = sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())
    assert files == ["adapter/adapter_config.json", "adapter/adapter_model.safetensors", "manifest.json"]
    assert capfd.readouterr().out.strip() == ""
    assert train_generator(base, raft, config=config, target=target, inputs={"raft": "r"}) == manifest


def test_an_embedder_is_trained_by_two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    base = tiny_embedder(tmp_path / "base", [p.full_text for p in PASSAGES] + [q.question for q in _questions()])
    manifest = _train(base, tmp_path / "embedder", _questions(), _config(processes=2, batch_size=8))
    assert manifest.facts["verdict"] == "tuned" and (tmp_path / "embedder" / "model" / "model.safetensors").is_file()
    assert manifest.facts["tuned"]["32"] > manifest.facts["base"]["32"] + 0.2
    # 80 pairs, eight at a time in each of two processes
    assert manifest.facts["history"][-1]["step"] <= 6 * 5


def test_the_fsdp_configuration_trains_by_accelerate_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of configs/, put on two processes of this CPU: the weights are sharded over gloo."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    file = tmp_path / "fsdp.yaml"
    given = yaml.safe_load((REPOSITORY / "configs" / "accelerate" / "fsdp.yaml").read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**given, "use_cpu": True, "mixed_precision": "no"}))
    base, raft = tiny_generator(tmp_path / "base"), raft_folder(tmp_path / "raft")
    config = settings(accelerate_config=file, processes=2, epochs=2)
    manifest = train_generator(base, raft, config=config, target=tmp_path / "adapter", inputs={"raft": "r"})
    assert manifest.counts["steps"] == 2 * 3
    assert manifest.facts["best_eval_loss"] < manifest.facts["base_eval_loss"]
    assert (tmp_path / "adapter" / "adapter" / "adapter_model.safetensors").is_file()


def test_processes_that_fail_are_told_and_nothing_is_published(tmp_path: Path) -> None:
    base, raft = tiny_generator(tmp_path / "base"), raft_folder(tmp_path / "raft")
    (base / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(HybridError, match="several processes failed"):
        run_course(base, raft, settings(processes=2), tmp_path / "checkpoints")
    gone = settings(accelerate_config=tmp_path / "gone.yaml")
    with pytest.raises(InputError, match=r"gone\.yaml"):
        run_course(base, raft, gone, tmp_path / "checkpoints")


ENDLESS = """
import sys
from pathlib import Path
from hybrid.tuning.generator_course import run_course
from tests.tuning.test_generator_training import settings

folder = Path(sys.argv[1])
run_course(folder / "base", folder / "raft", settings(processes=2, epochs=5000, patience=5000), folder / "checkpoints")
"""


def test_processes_end_when_the_one_that_holds_the_lock_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    tiny_generator(tmp_path / "base")
    raft_folder(tmp_path / "raft")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    parent = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(tmp_path)], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        assert _until(lambda: bool(list((tmp_path / "checkpoints").glob("checkpoint-*"))))
        assert len(_at_work(tmp_path)) >= 2
    finally:
        parent.kill()
        parent.wait()
    assert _until(lambda: not _at_work(tmp_path))


def _at_work(folder: Path) -> list[str]:
    """Processes that were started with a file of the folder, the parent apart."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (entry / "cmdline").read_text(errors="replace")
            if "hybrid.tuning.launched" in command and str(folder) in command:
                found.append(entry.name)
    return found


def _until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 90
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.2)
    return holds()


def test_one_process_leaves_ids_as_they_were_and_more_of_them_change_them() -> None:
    def identity(**more: Any) -> str:
        return artifact_id("adapter", 1, settings(**more).train_raft.settings(), {})

    assert "processes" not in settings().train_raft.settings()
    assert identity() != identity(processes=2)
    assert identity(processes=2) == identity(processes=2, accelerate_config=Path("a.yaml"))
    assert "processes" not in Config().train_embed.settings() and "device" not in Config().train_embed.settings()
