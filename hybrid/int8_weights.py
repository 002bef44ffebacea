"""Weights of an OpenVINO model's matrix products in 8 bits: in the form for which the engine quantises the other side
while it runs, or as they are held, computed with in full."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

_LEVELS = 127
"""Of int8, symmetric: -128 is left out."""
_WIDEST = 128
"""Values of a product's other side that share a scale; of 32 to 384 the best of speed and cosine, for embedders and
generators. The engine's default is 32."""
_STEP = 32
_GROUPS = (128, 64, 32)
"""Weights that share a scale where only they are in 8 bits: the most that divides a product's inputs. A scale for each
output is two and a half times as far from the whole model (KL of a 0.5B model .0025 for .0010), and no quicker."""
_RUNTIME = "runtime_options"
_OTHER_SIDE = "DYNAMIC_QUANTIZATION_GROUP_SIZE"


def _products(model: Any) -> Iterator[tuple[Any, Any]]:
    """Matrix products with constant weights `(outputs, inputs)`, each with its constant."""
    for node in model.get_ops():
        if node.get_type_name() == "MatMul" and node.get_attributes()["transpose_b"]:
            source = node.input_value(1).get_node()
            if source.get_type_name() == "Constant":
                yield node, source


def quantize_weights(model: Any) -> None:
    """Weights of matrix products to int8, symmetric, a scale for each output. How many values of the other side share
    a scale is written into the model, which the engine obeys."""
    from openvino import opset13 as ops

    width = 0
    for node, source in _products(model):
        weights = source.get_data()
        scale = np.maximum(np.abs(weights).max(axis=1, keepdims=True), 1e-12) / _LEVELS
        whole = ops.constant(np.rint(weights / scale).astype(np.int8))
        product = ops.multiply(ops.convert(whole, "f32"), ops.constant(scale.astype(np.float32)))
        node.input(1).replace_source_output(product.output(0))
        width = math.gcd(width, weights.shape[1])
    model.validate_nodes_and_infer_types()
    if shared := _values_a_scale(width):
        model.set_rt_info(str(shared), [_RUNTIME, _OTHER_SIDE])


def hold_weights(model: Any) -> None:
    """Weights of matrix products to int8, symmetric, a scale for a group of each output's. The other side stays as it
    is, which is written into the model. A matrix that is looked up in too, as tied embeddings are, is held once.
    """
    from openvino import opset13 as ops

    for node, source in _products(model):
        weights = source.get_data()
        if weights.ndim != 2:
            continue
        rows, columns = weights.shape
        group = next((size for size in _GROUPS if columns % size == 0), columns)
        grouped = weights.reshape(rows, columns // group, group)
        scales = (np.maximum(np.abs(grouped).max(axis=2, keepdims=True), 1e-12) / _LEVELS).astype(np.float32)
        whole, scale = ops.constant(np.rint(grouped / scales).astype(np.int8)), ops.constant(scales)
        product = ops.multiply(ops.convert(whole, "f32"), scale)
        dense = ops.reshape(product, ops.constant(np.array([rows, columns], dtype=np.int64)), False)
        node.input(1).replace_source_output(dense.output(0))
        for reader in source.output(0).get_target_inputs():
            if reader.get_node().get_type_name() == "Gather":
                _look_up(reader.get_node(), whole, scale)
    model.validate_nodes_and_infer_types()
    model.set_rt_info("0", [_RUNTIME, _OTHER_SIDE])


def _look_up(gather: Any, whole: Any, scale: Any) -> None:
    """Rows are looked up in int8 and multiplied by their scales."""
    from openvino import opset13 as ops

    ids, axis = gather.input_value(1), ops.constant(0, dtype=np.int64)
    rows = ops.multiply(ops.convert(ops.gather(whole, ids, axis), "f32"), ops.gather(scale, ids, axis))
    flat = ops.reshape(rows, ops.constant(np.array([0, 0, -1], dtype=np.int64)), True)
    gather.output(0).replace(flat.output(0))


def _values_a_scale(width: int) -> int:
    """The most that divides the inputs of all products; 0 where the engine's default is left."""
    return next((size for size in range(_WIDEST, 0, -_STEP) if width and width % size == 0), 0)
