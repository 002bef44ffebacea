"""An exported embedder in OpenVINO on CPUs: one stream a core, batches handed over while others are computed."""

import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hybrid.cores import num_cores
from hybrid.openvino_library import import_openvino
from hybrid.precision import processor_has_bfloat16
from hybrid.protocols import Vectors
from hybrid.retrieval.token_batches import TokenBatch


def is_installed() -> bool:
    """Whether the extra `openvino` is there."""
    return find_spec("openvino") is not None


class OpenVINOEncoder:
    """`model.xml` of a folder, computed in `precision`; int8 quantises the activations too, while it runs."""

    def __init__(self, folder: Path, precision: str) -> None:
        half = precision == "bfloat16" or (precision == "int8" and processor_has_bfloat16())
        self._num_streams = num_streams()
        properties = {
            "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
            # one thread a batch: nothing waits for the slower thread, and vectors do not hang on the number of cores
            "NUM_STREAMS": self._num_streams,
            "INFERENCE_NUM_THREADS": self._num_streams,
        }
        self._own = threading.local()
        self._model: Any = import_openvino().Core().compile_model(folder / "model.xml", "CPU", properties)
        self.dim: int = self._model.output(0).get_partial_shape()[1].get_length()

    def encode(self, batches: Iterable[TokenBatch]) -> Iterator[tuple[list[int], Vectors]]:
        """Rows and vectors `(n, dim)` of each batch."""
        # the engine's own queue does the same; that several threads may begin at once is `import_openvino`'s doing
        with ThreadPoolExecutor(self._num_streams, initializer=self._start) as pool:
            yield from pool.map(self._infer, batches)

    def _start(self) -> None:
        self._own.request = self._model.create_infer_request()

    def _infer(self, batch: TokenBatch) -> tuple[list[int], Vectors]:
        found = self._own.request.infer([batch.input_ids, batch.attention_mask])
        return batch.rows, found[0].copy()


def num_streams() -> int:
    """One a core; fewer where `OMP_NUM_THREADS` says so, as for torch."""
    configured = os.environ.get("OMP_NUM_THREADS", "")
    return int(configured) if configured.isdigit() and int(configured) else num_cores()
