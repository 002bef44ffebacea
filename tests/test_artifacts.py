"""Artefacts are whole or absent, are found again after a kill, and notice when their bytes change."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from hybrid.artifacts import (
    MANIFEST,
    PRIVATE,
    Manifest,
    artifact_id,
    current,
    publish,
    read_manifest,
    require,
    sha256_tree,
    verify,
    write_text,
)
from hybrid.errors import IntegrityError, MissingError
from hybrid.locks import in_turn

CONFIG = {"k": 3, "dims": [8, 4]}
INPUTS = {"corpus": "a1"}


def make(target: Path, text: str = "one\n", inputs: dict[str, str] = INPUTS) -> Manifest:
    with publish(target, "thing", 1, CONFIG, inputs) as build:
        (build.path / "data.txt").write_text(text)
        (build.path / "sub").mkdir(exist_ok=True)
        (build.path / "sub" / "more.txt").write_text("two\n")
        build.counts["lines"] = 1
        build.facts["note"] = "n"
    return require(target, "make")


def building(target: Path) -> list[Path]:
    return sorted(target.parent.glob(f".{target.name}.building-*"))


def killed(code: str, *arguments: Path) -> None:
    """Run code that must end by SIGKILL."""
    if os.name == "nt":
        pytest.skip("Windows has no SIGKILL")
    program = "import os, signal, sys\nfrom pathlib import Path\n" + textwrap.dedent(code)
    result = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == -signal.SIGKILL, result.stderr


def test_manifest_says_what_it_was_made_from(tmp_path: Path) -> None:
    manifest = make(tmp_path / "thing")
    assert (manifest.kind, manifest.version, manifest.config, manifest.inputs) == ("thing", 1, CONFIG, INPUTS)
    assert manifest.counts == {"lines": 1} and manifest.facts == {"note": "n"}
    assert sorted(manifest.files) == ["data.txt", "sub/more.txt"]
    assert manifest.packages["torch"][0].isdigit()


def test_same_inputs_give_the_same_id_and_the_same_bytes(tmp_path: Path) -> None:
    make(tmp_path / "here" / "thing")
    make(tmp_path / "elsewhere" / "other-name")
    first, second = tmp_path / "here" / "thing" / MANIFEST, tmp_path / "elsewhere" / "other-name" / MANIFEST
    assert first.read_bytes() == second.read_bytes()
    assert str(tmp_path) not in first.read_text()


@pytest.mark.parametrize(
    "changed",
    [
        ("other", 1, CONFIG, INPUTS),
        ("thing", 2, CONFIG, INPUTS),
        ("thing", 1, {**CONFIG, "k": 4}, INPUTS),
        ("thing", 1, CONFIG, {"corpus": "a2"}),
        ("thing", 1, CONFIG, {**INPUTS, "embedder": "a1"}),
    ],
)
def test_changed_input_gives_another_id(tmp_path: Path, changed: tuple[str, int, dict, dict]) -> None:
    make(tmp_path / "thing")
    assert current(tmp_path / "thing", "thing", 1, CONFIG, INPUTS) is not None
    assert artifact_id(*changed) != artifact_id("thing", 1, CONFIG, INPUTS)
    assert current(tmp_path / "thing", *changed) is None


def test_key_order_does_not_change_the_id() -> None:
    assert artifact_id("t", 1, {"a": 1, "b": 2}, {}) == artifact_id("t", 1, {"b": 2, "a": 1}, {})


def test_an_exception_leaves_the_old_artefact_whole(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    old = make(target)
    with pytest.raises(RuntimeError, match="half way"), publish(target, "thing", 1, CONFIG, {"corpus": "b"}) as build:
        (build.path / "data.txt").write_text("half")
        raise RuntimeError("half way")
    assert require(target, "make") == old
    assert (target / "data.txt").read_text() == "one\n"


def test_a_kill_leaves_the_old_artefact_whole_and_the_rerun_resumes(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    old = make(target)
    killed(
        """
        from hybrid.artifacts import publish
        with publish(Path(sys.argv[1]), "thing", 1, {"k": 3, "dims": [8, 4]}, {"corpus": "b"}) as build:
            (build.path / "data.txt").write_text("half")
            (build.private / "step").write_text("7")
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        target,
    )
    assert require(target, "make") == old
    (folder,) = building(target)
    with publish(target, "thing", 1, CONFIG, {"corpus": "b"}) as build:
        assert build.path == folder
        assert (build.private / "step").read_text() == "7"
        (build.path / "data.txt").write_text("whole")
    assert (target / "data.txt").read_text() == "whole"
    assert not (target / PRIVATE).exists() and f"{PRIVATE}/step" not in require(target, "make").files
    assert not building(target)


def test_what_a_killed_build_left_is_not_published(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    killed(
        """
        from hybrid import durable_files
        from hybrid.artifacts import publish
        replace = Path.replace
        def die_at_the_manifest(self, to):
            if to.name == "manifest.json":
                os.kill(os.getpid(), signal.SIGKILL)
            return replace(self, to)
        Path.replace = die_at_the_manifest
        with publish(Path(sys.argv[1]), "thing", 1, {"k": 3, "dims": [8, 4]}, {"corpus": "a1"}) as build:
            (build.path / "stale.txt").write_text("half")
            (build.path / "deep").mkdir()
            (build.path / "deep" / "stale.txt").write_text("half")
        """,
        target,
    )
    (folder,) = building(target)
    assert {path.name for path in folder.iterdir()} == {"stale.txt", "deep", "manifest.json.partial"}
    assert sorted(make(target).files) == ["data.txt", "sub/more.txt"]
    assert sorted(path.name for path in target.iterdir()) == ["data.txt", MANIFEST, "sub"]
    assert current(target, "thing", 1, CONFIG, INPUTS) is not None


def test_a_build_that_lacks_only_its_name_is_not_made_again(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    make(target)
    killed(
        """
        from hybrid import artifacts
        artifacts._put_in_place = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        with artifacts.publish(Path(sys.argv[1]), "thing", 1, {"k": 3, "dims": [8, 4]}, {"corpus": "b"}) as build:
            (build.private / "step").write_text("7")
            (build.path / "data.txt").write_text("new")
        """,
        target,
    )
    assert require(target, "make").inputs == INPUTS  # who reads has the old one until a writer comes
    done = current(target, "thing", 1, CONFIG, {"corpus": "b"})
    assert done is not None and list(done.files) == ["data.txt"]
    assert (target / "data.txt").read_text() == "new" and not (target / PRIVATE).exists()
    assert not building(target)


def test_a_reader_never_sees_half_of_an_exchange(tmp_path: Path) -> None:
    """A writer publishes two versions in turn, as fast as it can, while readers verify what is there."""
    target = tmp_path / "thing"
    make(target, "a")
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent("""
            import sys
            from pathlib import Path
            from hybrid.artifacts import publish
            for number in range(100):
                with publish(Path(sys.argv[1]), "thing", 1, {}, {"corpus": str(number)}) as build:
                    (build.path / "data.txt").write_text(str(number) * 50)
            """),
            str(target),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = set()
    while writer.poll() is None:
        seen.add(require(target, "make").inputs["corpus"])
    assert writer.returncode == 0, writer.communicate()[1]
    assert require(target, "make").inputs == {"corpus": "99"}
    assert len(seen) > 10


def test_a_reader_waits_while_a_writer_gives_the_name(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    make(target)
    target.rename(folder := tmp_path / ".thing.building-0123")
    with in_turn(tmp_path / ".naming.lock"):
        reader = threading.Thread(target=lambda: found.append(read_manifest(target)))
        found: list[Manifest | None] = []
        reader.start()
        reader.join(0.3)
        assert reader.is_alive() and folder.exists()
        folder.rename(target)
    reader.join()
    assert found[0] is not None and found[0].inputs == INPUTS


def test_a_first_build_that_is_killed_publishes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    killed(
        """
        from hybrid.artifacts import publish
        with publish(Path(sys.argv[1]), "thing", 1, {}, {}) as build:
            (build.path / "data.txt").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        target,
    )
    assert read_manifest(target) is None and not target.exists()
    with pytest.raises(MissingError, match="hybrid index"):
        require(target, "hybrid index")


def test_of_two_processes_that_want_a_shared_artefact_one_builds_it(tmp_path: Path) -> None:
    code = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from hybrid.artifacts import publish_once

        def make(build):
            for number in range(20):
                (build.path / f"{number}.txt").write_text("x", encoding="utf-8")
                time.sleep(0.02)
            print("built")

        assert len(publish_once(Path(sys.argv[1]), "model", 1, {}, {}, make).files) == 20
    """)
    command = [sys.executable, "-c", code, str(tmp_path / "cache" / "model")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert sorted(out for out, _ in told) == ["", "built\n"]


def test_a_build_from_other_inputs_is_not_resumed(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    for inputs in ({"corpus": "x"}, {"corpus": "y"}):
        with pytest.raises(RuntimeError), publish(target, "thing", 1, CONFIG, inputs) as build:
            assert not (build.private / "step").exists()
            (build.private / "step").write_text("1")
            raise RuntimeError
    assert len(building(target)) == 1


def test_a_kill_between_the_two_renames_is_repaired(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    make(target)
    killed(
        """
        from hybrid import artifacts
        rename = Path.rename
        def once(self, to):
            rename(self, to)
            os.kill(os.getpid(), signal.SIGKILL)
        Path.rename = once
        with artifacts.publish(Path(sys.argv[1]), "thing", 1, {"k": 3, "dims": [8, 4]}, {"corpus": "b"}) as build:
            (build.path / "data.txt").write_text("new")
        """,
        target,
    )
    assert not target.exists()
    manifest = require(target, "make")
    assert manifest.inputs == {"corpus": "b"}
    assert (target / "data.txt").read_text() == "new"
    assert not building(target)


def test_a_rebuild_killed_in_the_middle_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    """The folder of a build that was killed just before its rename holds a manifest; a rebuild must not trust it."""
    target = tmp_path / "thing"
    stop = """
        from hybrid import artifacts
        def die(*_):
            os.kill(os.getpid(), signal.SIGKILL)
        {}
        with artifacts.publish(Path(sys.argv[1]), "thing", 1, {{"k": 3}}, {{}}) as build:
            (build.path / "data.txt").write_text({!r})
            {}
        """
    make(target)
    killed(stop.format("artifacts._put_in_place = die", "first", "pass"), target)
    killed(stop.format("", "hal", "die()"), target)
    subprocess.run(["rm", "-r", str(target)], check=True)
    assert read_manifest(target) is None


@pytest.mark.parametrize("damage", ["truncated", "edited", "missing"])
def test_damage_is_named(tmp_path: Path, damage: str) -> None:
    target = tmp_path / "thing"
    make(target)
    file = target / "sub" / "more.txt"
    time.sleep(0.02)  # file times advance in ticks of the kernel
    if damage == "missing":
        file.unlink()
    else:
        file.write_text({"truncated": "tw", "edited": "2wo\n"}[damage])
    with pytest.raises(IntegrityError, match=r"sub/more\.txt") as caught:
        require(target, "make")
    assert "delete" in caught.value.remedy and str(target) in caught.value.remedy
    with pytest.raises(IntegrityError):
        current(target, "thing", 1, CONFIG, INPUTS)


def test_a_truncated_manifest_is_named(tmp_path: Path) -> None:
    target = tmp_path / "thing"
    make(target)
    text = (target / MANIFEST).read_text()
    (target / MANIFEST).write_text(text[: len(text) // 2])
    with pytest.raises(IntegrityError, match="manifest"):
        require(target, "make")


def test_unlisted_files_do_not_matter(tmp_path: Path) -> None:
    manifest = make(tmp_path / "thing")
    (tmp_path / "thing" / "notes.txt").write_text("mine")
    verify(tmp_path / "thing", manifest)


def test_write_text_replaces_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    write_text(file, "é")
    write_text(file, "new")
    assert file.read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_tree_hash_sees_names_and_bytes_but_not_model_cards(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    first = sha256_tree(tmp_path)
    (tmp_path / "README.md").write_text("card")
    (tmp_path / ".hidden").write_text("x")
    assert sha256_tree(tmp_path) == first
    assert sha256_tree(tmp_path, skip_suffix="") != first
    (tmp_path / "a").rename(tmp_path / "b")
    assert sha256_tree(tmp_path) != first
