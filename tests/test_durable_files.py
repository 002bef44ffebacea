"""What an interrupted build leaves proves that it is whole, or does not count."""

from pathlib import Path

import pytest

from hybrid.durable_files import COMPLETE, is_sealed, read_sealed, seal, seal_folder


def test_a_file_counts_with_the_bytes_that_it_was_sealed_with(tmp_path: Path) -> None:
    file = tmp_path / "shard.npy"
    assert not is_sealed(file)
    file.write_bytes(b"0123456789")
    assert not is_sealed(file)
    seal(file)
    assert is_sealed(file)
    # as long as before
    file.write_bytes(b"0123456780")
    assert not is_sealed(file)
    seal(file)
    assert is_sealed(file)
    file.unlink()
    assert not is_sealed(file)


@pytest.mark.parametrize("damage", ["flipped", "truncated", "gone", "more", "half a mark", "no mark", "another mark"])
def test_a_damaged_folder_does_not_count(damage: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    weights, mark = tmp_path / "deep" / "weights", tmp_path / COMPLETE
    weights.write_bytes(b"0123")
    (tmp_path / "state").write_text("7")
    seal_folder(tmp_path, scores=[0.5])
    assert (read_sealed(tmp_path) or {})["scores"] == [0.5]
    if damage == "flipped":
        weights.write_bytes(b"0124")
    elif damage == "truncated":
        weights.write_bytes(b"01")
    elif damage == "gone":
        weights.unlink()
    elif damage == "more":
        (tmp_path / "more").touch()
    elif damage == "half a mark":
        mark.write_text(mark.read_text()[:20])
    elif damage == "no mark":
        mark.unlink()
    else:
        mark.write_text('{"sizes": {}}')
    assert read_sealed(tmp_path) is None
