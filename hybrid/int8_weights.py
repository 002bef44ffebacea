"""Weights of an OpenVINO model's matrix products in 8 bits, in the form for which the engine quantises the other side
while it runs."""

import math
from typing import Any

import numpy as np

_LEVELS = 127
"""Of int8, symmetric: -128 is left out."""
_WIDEST = 128
"""Values of a product's other side that share a scale; of 32 to 384 the best of speed and cosine, for embedders and
generators. The engine's default is 32."""
_STEP = 32


def quantize_weights(model: Any) -> None:
    """Weights of matrix products to int8, symmetric, a scale for each output. How many values of the other side share
    a scale is written into the model, which the engine obeys."""
    from openvino import opset13 as ops

    width = 0
    for node in model.get_ops():
        if node.get_type_name() != "MatMul":
            continue
        source = node.input_value(1).get_node()
        if source.get_type_name() != "Constant" or not node.get_attributes()["transpose_b"]:
            continue
        weights = source.get_data()
        scale = np.maximum(np.abs(weights).max(axis=1, keepdims=True), 1e-12) / _LEVELS
        whole = ops.constant(np.rint(weights / scale).astype(np.int8))
        product = ops.multiply(ops.convert(whole, "f32"), ops.constant(scale.astype(np.float32)))
        node.input(1).replace_source_output(product.output(0))
        width = math.gcd(width, weights.shape[1])
    model.validate_nodes_and_infer_types()
    if shared := _values_a_scale(width):
        model.set_rt_info(str(shared), ["runtime_options", "DYNAMIC_QUANTIZATION_GROUP_SIZE"])


def _values_a_scale(width: int) -> int:
    """The most that divides the inputs of all products; 0 where the engine's default is left."""
    return next((size for size in range(_WIDEST, 0, -_STEP) if width and width % size == 0), 0)
