"""Two threads that come to the library's first use of NumPy at the same moment."""

from pathlib import Path

import pytest

from benchmarks.robust.hangs import hangs


def _sums_of_tokens(folder: Path) -> Path:
    """An exported encoder whose vectors are the sums of the token ids."""
    from hybrid.openvino_library import import_openvino

    openvino = import_openvino()
    ops = openvino.opset13
    inputs = [ops.parameter([-1, -1], openvino.Type.i64, name=name) for name in ("input_ids", "attention_mask")]
    product = ops.convert(ops.multiply(*inputs), "f32")
    model = openvino.Model([ops.reduce_sum(product, ops.constant([1]), keep_dims=True)], inputs)
    openvino.save_model(model, folder / "model.xml")
    return folder


def test_a_set_up_that_takes_long_leaves_both_threads_to_encode(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    assert not hangs(_sums_of_tokens(tmp_path), 0, tmp_path / "stacks", provoke=True)
