"""A transformers causal model as a stateful OpenVINO model that OpenVINO GenAI can run.

The usual exporter, optimum-intel, holds transformers below 5.6; so the model is traced with its past keys and values as
inputs, and these are then made state, as that exporter does it: `beam_idx` reorders the batch, ReadValue starts empty.
"""

import warnings
from pathlib import Path
from typing import Any, Literal

from hybrid.int8_weights import hold_weights, quantize_weights
from hybrid.openvino_library import import_openvino

Bits = Literal["whole", "int8 weights", "int8"]
"""Of matrix products: as in the model; weights held in 8 bits and computed with in full; computed in 8 bits."""
_SMALL = 65536
"""Bytes of a constant up to which it is compared with others; the weights are larger."""


def export_model(model: Any, folder: Path, *, half: bool, bits: Bits = "whole") -> None:
    """Write `openvino_model.xml` and `.bin` beside the configuration; `half` stores weights as float16.

    Logits are those of the torch model up to rounding, also to `bits`. Inputs input_ids, attention_mask and
    position_ids `(batch, tokens)`, beam_idx `(batch,)`; output logits `(batch, tokens, vocabulary)`.
    """
    openvino = import_openvino()
    from openvino._offline_transformations import apply_moc_transformations

    exported = _traced(model)
    names = _name_ports(exported, model.config)
    _reorder_by_beam(exported, list(names))
    _make_stateful(exported, names)
    # what every load would begin with; before the weights are in 8 bits, which it would compute back
    apply_moc_transformations(exported, cf=True)
    _share_constants(exported)
    if bits == "int8":
        quantize_weights(exported)
    elif bits == "int8 weights":
        hold_weights(exported)
    openvino.save_model(exported, folder / "openvino_model.xml", compress_to_fp16=half)
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)


def _traced(model: Any) -> Any:
    openvino = import_openvino()
    import torch
    from transformers.cache_utils import DynamicCache, DynamicLayer

    class WithPast(torch.nn.Module):  # type: ignore[misc]
        """Past keys and values in and out as plain tensors."""

        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, input_ids: Any, attention_mask: Any, position_ids: Any, past: Any) -> Any:
            cache = DynamicCache()
            # filled by hand: `update` would join the first keys to an empty tensor, which cannot be converted
            cache.layers = []
            for keys, values in past:
                layer = DynamicLayer()
                layer.keys, layer.values, layer.is_initialized = keys, values, True
                layer.dtype, layer.device = keys.dtype, keys.device
                cache.layers.append(layer)
            num_past, num_new = past[0][0].shape[2], input_ids.shape[1]
            columns = torch.arange(attention_mask.shape[1])
            causal = columns[None, :] <= torch.arange(num_new)[:, None] + num_past
            # given whole, the mask keeps transformers from building one, which cannot be traced for other lengths
            mask = causal[None, None] & attention_mask[:, None, None, :].bool()
            output = self.inner(
                input_ids=input_ids,
                attention_mask=mask,
                position_ids=position_ids,
                past_key_values=cache,
                use_cache=True,
            )
            present = [part for layer in output.past_key_values.layers for part in (layer.keys, layer.values)]
            return (output.logits, *present)

    heads, size = _head_shape(model.config)
    batch, num_past, num_new = 2, 3, 4
    one = torch.zeros(batch, heads, num_past, size)
    example = {
        "input_ids": torch.ones(batch, num_new, dtype=torch.long),
        "attention_mask": torch.ones(batch, num_past + num_new, dtype=torch.long),
        "position_ids": torch.arange(num_past, num_past + num_new)[None].repeat(batch, 1),
        "past": [(one.clone(), one.clone()) for _ in range(model.config.num_hidden_layers)],
    }
    with torch.no_grad(), warnings.catch_warnings():
        # of shapes that are constants in the trace, as they are meant to be
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        return openvino.convert_model(WithPast(model.float().eval()), example_input=example)


def _head_shape(config: Any) -> tuple[int, int]:
    """Number of key-value heads, and numbers in each."""
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return heads, size


def _name_ports(exported: Any, config: Any) -> dict[str, str]:
    """Name and shape the inputs and outputs; returns each past's name with that of the present that follows it."""
    from openvino import PartialShape

    heads, size = _head_shape(config)
    shapes = {}
    for port, name in zip(exported.inputs, ("input_ids", "attention_mask", "position_ids"), strict=False):
        port.get_tensor().set_names({name})
        shapes[port] = PartialShape([-1, -1])
    exported.outputs[0].get_tensor().set_names({"logits"})
    names = {}
    for place, (before, after) in enumerate(zip(exported.inputs[3:], exported.outputs[1:], strict=True)):
        part = f"{place // 2}.{'value' if place % 2 else 'key'}"
        before.get_tensor().set_names({f"past_key_values.{part}"})
        after.get_tensor().set_names({f"present.{part}"})
        names[f"past_key_values.{part}"] = f"present.{part}"
        shapes[before] = PartialShape([-1, heads, -1, size])
    exported.reshape(shapes)
    return names


def _reorder_by_beam(exported: Any, past: list[str]) -> None:
    """Every past is gathered along the batch by the input `beam_idx`."""
    import numpy as np
    from openvino import PartialShape, Type
    from openvino import opset13 as ops

    beam = ops.parameter(PartialShape([-1]), dtype=Type.i32, name="beam_idx")
    beam.output(0).get_tensor().add_names({"beam_idx"})
    exported.add_parameters([beam])
    for name in past:
        port = exported.input(name)
        readers = port.get_target_inputs()
        gathered = ops.gather(port, beam, ops.constant(0, dtype=np.int64))
        for reader in readers:
            reader.replace_source_output(gathered.output(0))
    exported.validate_nodes_and_infer_types()


def _make_stateful(exported: Any, names: dict[str, str]) -> None:
    """Past and present become state that starts empty, for a batch of any size."""
    import numpy as np
    from openvino import opset13 as ops
    from openvino._offline_transformations import apply_make_stateful_transformation

    apply_make_stateful_transformation(exported, names)
    shape = ops.shape_of(exported.input("input_ids"), output_type="i64")
    batch = ops.gather(shape, ops.constant(np.array([0], dtype=np.int64)), ops.constant(0, dtype=np.int64))
    for node in exported.get_ops():
        if node.get_type_name() == "ReadValue":
            lengths = [dimension.min_length for dimension in node.get_output_partial_shape(0)]
            rest = [ops.constant(np.array([length], dtype=np.int64)) for length in lengths[1:]]
            empty = ops.broadcast(ops.constant(np.float32(0)), ops.concat([batch, *rest], axis=0))
            node.set_arguments([empty])
    exported.validate_nodes_and_infer_types()


def _share_constants(exported: Any) -> None:
    """One constant for all small ones that are equal: every pass of a load visits every node of the graph."""
    first: dict[tuple[str, tuple[int, ...], bytes], Any] = {}
    for node in exported.get_ops():
        if node.get_type_name() != "Constant" or node.get_byte_size() > _SMALL:
            continue
        key = (str(node.get_output_element_type(0)), tuple(node.get_output_shape(0)), node.get_data().tobytes())
        shared = first.setdefault(key, node)
        if shared is not node:
            for reader in node.output(0).get_target_inputs():
                reader.replace_source_output(shared.output(0))
