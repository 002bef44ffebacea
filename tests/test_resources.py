"""What is installed beside the code, and that it means the same in every folder."""

import shutil
from pathlib import Path

import click
import pytest

from hybrid.artifacts import sha256_json
from hybrid.cli.ask import ask
from hybrid.cli.settings import config
from hybrid.cli.stages import index
from hybrid.config import Config
from hybrid.config_file import load_config
from hybrid.evaluation.general import read_items
from hybrid.jsonl import read_jsonl
from hybrid.resources import configurations, find_configuration


def test_a_configuration_is_found_by_its_name_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert list(configurations()) == ["default", "gpu-qlora", "openai-compatible", "pumps"]
    assert load_config(find_configuration(Path("default"))) == Config(), "with or without it, the same holds"
    assert load_config(find_configuration(Path("pumps"))).raft.num_examples == 320
    assert find_configuration(Path("nowhere.yaml")) == Path("nowhere.yaml")
    (tmp_path / "default").write_text("seed: 5\n", encoding="utf-8")
    assert load_config(find_configuration(Path("default"))).seed == 5, "a file wins"


def test_the_help_names_all_configurations() -> None:
    for command in (index, ask, config):
        (option,) = [option for option in command.params if "--config" in option.opts]
        assert isinstance(option, click.Option)
        assert f"a bundled one: {', '.join(configurations())}." in (option.help or "")


def test_people_of_the_checkout_read_the_same_files(repository: Path) -> None:
    for name, file in configurations().items():
        assert (repository / "configs" / f"{name}.yaml").samefile(file)


def test_the_bundled_items_are_read_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    defaults = Config()
    assert defaults.evaluation.general_files == ("bundled",)
    assert len(read_items(defaults.evaluation.general_paths, 0, defaults.seed)) == 120
    assert len(list(read_jsonl(defaults.raft.general_path))) == 478


def test_no_id_holds_the_place_of_a_file(tmp_path: Path) -> None:
    bundled = Config()
    shutil.copyfile(bundled.evaluation.general_paths[0], tmp_path / "items.jsonl")
    shutil.copyfile(bundled.raft.general_path, tmp_path / "rows.jsonl")
    own = load_config(
        None, (f"evaluation.general_files=[{tmp_path}/items.jsonl]", f"raft.general_file={tmp_path}/rows.jsonl")
    )
    assert own.evaluation.general_paths == (tmp_path / "items.jsonl",)
    assert own.raft.general_path == tmp_path / "rows.jsonl"
    for one, other in ((bundled.evaluation, own.evaluation), (bundled.raft, own.raft)):
        assert sha256_json(one.settings()) == sha256_json(other.settings())
    more = load_config(None, ("evaluation.general_items=7", "raft.general_share=0.3"))
    assert more.evaluation.settings() != bundled.evaluation.settings()
    assert more.raft.settings() != bundled.raft.settings()
