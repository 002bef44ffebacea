"""An embedder's export for another engine: made once for each set of weights, checked against torch, then reused."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from hybrid.artifacts import Build, publish_once, sha256_tree
from hybrid.errors import HybridError
from hybrid.protocols import Vectors
from hybrid.retrieval.token_batches import TokenBatch

VERSION = 2
Backend = Literal["onnx", "openvino"]
Precision = Literal["float32", "bfloat16", "int8"]
LEAST_COSINE = {"float32": 0.9999, "bfloat16": 0.999, "int8": 0.98}
"""Between the vectors of torch in float32 and those of an export, for the worst of the texts that it is checked with.
Below it, the export is another model: the trace does not hold, or the weights do not bear the precision."""


class TokenEncoder(Protocol):
    """Token ids to pooled vectors. `dim` is the model's own dimension."""

    @property
    def dim(self) -> int: ...
    def encode(self, batches: Iterable[TokenBatch]) -> Iterator[tuple[list[int], Vectors]]:
        """Rows and vectors `(n, dim)` of each batch, in any order."""
        ...


class ExportError(HybridError):
    """The model cannot be exported, or its export gives other vectors than torch."""


def open_encoder(
    folder: Path,
    cache: Path,
    *,
    backend: Backend,
    precision: Precision,
    load: Callable[[], Any],
    check: Callable[[TokenEncoder], tuple[Vectors, Vectors]],
) -> TokenEncoder:
    """The model of `folder` in another engine, from its export in `cache`, which is written whole or not at all.

    `load` gives the sentence-transformers model, and `check` the vectors of some texts by torch and by an encoder: both
    are called only where there is no export yet. Raises `ExportError`; then nothing is published.
    """
    int8 = precision == "int8"
    options, inputs = {"int8": int8}, {"model": sha256_tree(folder)}
    target = export_folder(folder, cache, backend=backend, precision=precision)

    def make(build: Build) -> None:
        model = load()
        try:
            _export(model, build.path, backend, int8=int8)
        except Exception as error:
            # whatever the tracer or the converter raises: they have no error of their own
            told = f"{type(error).__name__}: {error}".splitlines()[0]
            raise ExportError(
                f"{folder}: this model cannot be exported for {backend} ({told})", "set embedder.backend to torch"
            ) from error
        expected, given = check(_encoder(build.path, backend, precision))
        worst = float(np.min(np.sum(expected * given, axis=1)))
        # NaN is not above it either
        if not worst >= LEAST_COSINE[precision]:
            raise ExportError(
                f"{folder}: exported for {backend} in {precision} the model gives other vectors than in torch "
                f"(cosine {worst:.4f}, at least {LEAST_COSINE[precision]} is needed)",
                "set embedder.backend to torch, or embedder.precision to float32",
            )
        build.facts["cosine"] = round(worst, 4)

    publish_once(target, "encoder", VERSION, options, inputs, make)
    return _encoder(target, backend, precision)


def export_folder(folder: Path, cache: Path, *, backend: Backend, precision: Precision) -> Path:
    """Where the model's export lies once it is made; float32 and bfloat16 are computed from the same one."""
    return cache / f"{backend}{'-int8' if precision == 'int8' else ''}-{sha256_tree(folder)[:24]}"


def _export(model: Any, folder: Path, backend: Backend, *, int8: bool) -> None:
    from hybrid.retrieval import encoder_export

    write = encoder_export.export_openvino if backend == "openvino" else encoder_export.export_onnx
    write(model, folder, int8=int8)


def _encoder(folder: Path, backend: Backend, precision: Precision) -> TokenEncoder:
    if backend == "openvino":
        from hybrid.retrieval.openvino_encoder import OpenVINOEncoder

        return OpenVINOEncoder(folder, precision)
    from hybrid.retrieval.onnx_encoder import ONNXEncoder

    return ONNXEncoder(folder)
