"""An exported embedder in ONNX Runtime."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hybrid.protocols import Vectors
from hybrid.retrieval.openvino_encoder import num_streams
from hybrid.retrieval.token_batches import TokenBatch


def is_installed() -> bool:
    """Whether the extra `onnx` is there."""
    return find_spec("onnxruntime") is not None


class ONNXEncoder:
    """`model.onnx` of a folder, in float32 or with 8-bit weights as it was exported."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_streams()
        # threads that wait by spinning slow everything down as soon as another program wants a core
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.dim = int(self._session.get_outputs()[0].shape[1])

    def encode(self, batches: Iterable[TokenBatch]) -> Iterator[tuple[list[int], Vectors]]:
        """Rows and vectors `(n, dim)` of each batch."""
        for batch in batches:
            inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
            yield batch.rows, self._session.run(None, inputs)[0]
