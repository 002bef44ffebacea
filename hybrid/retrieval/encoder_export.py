"""A sentence-transformers model as one graph from token ids to pooled vectors, for engines without torch.

The usual exporter, optimum, holds transformers below the release that this project uses; so the model is traced.
"""

import warnings
from pathlib import Path
from typing import Any

from hybrid.int8_weights import quantize_weights
from hybrid.openvino_library import import_openvino


def traceable(model: Any) -> Any:
    """The model as a torch module from `input_ids` and `attention_mask` `(batch, tokens)` to vectors `(batch, dim)`."""
    import torch

    class FromTokens(torch.nn.Module):  # type: ignore[misc]
        """The transformer with its mask given whole, then whatever else the model is made of."""

        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.first, *rest = list(inner)
            self.rest = torch.nn.ModuleList(rest)

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            # given whole, the mask keeps transformers from building one, which cannot be traced for other lengths
            mask = attention_mask[:, None, None, :].bool()
            output = self.first.auto_model(input_ids=input_ids, attention_mask=mask)
            features = {"token_embeddings": output.last_hidden_state, "attention_mask": attention_mask}
            for module in self.rest:
                features = module(features)
            return features["sentence_embedding"]

    return FromTokens(model.float().eval())


def example() -> dict[str, Any]:
    """Two texts of different lengths."""
    import torch

    ids, mask = torch.full((2, 7), 5), torch.ones(2, 7, dtype=torch.long)
    mask[1, 5:] = 0
    return {"input_ids": ids, "attention_mask": mask}


def export_openvino(model: Any, folder: Path, *, int8: bool) -> None:
    """Write `model.xml` and `model.bin`; `int8` stores the weights of matrix products in 8 bits."""
    openvino = import_openvino()
    import torch

    with torch.no_grad(), warnings.catch_warnings():
        # of shapes that are constants in the trace, as they are meant to be
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        exported = openvino.convert_model(traceable(model), example_input=example())
    for port, name in zip(exported.inputs, ("input_ids", "attention_mask"), strict=True):
        port.get_tensor().set_names({name})
    exported.reshape({port: openvino.PartialShape([-1, -1]) for port in exported.inputs})
    if int8:
        quantize_weights(exported)
    openvino.save_model(exported, folder / "model.xml", compress_to_fp16=False)


def export_onnx(model: Any, folder: Path, *, int8: bool) -> None:
    """Write `model.onnx`; `int8` stores the weights of matrix products in 8 bits, and their other side is quantised
    while it runs."""
    import torch

    whole = folder / "float32.onnx" if int8 else folder / "model.onnx"
    names = ["input_ids", "attention_mask"]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            traceable(model),
            tuple(example().values()),
            str(whole),
            input_names=names,
            output_names=["vectors"],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in names} | {"vectors": {0: "batch"}},
            opset_version=18,
            # the newer exporter needs a package more
            dynamo=False,
        )
    if int8:
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(whole, folder / "model.onnx", per_channel=True, weight_type=QuantType.QInt8)
        whole.unlink()
