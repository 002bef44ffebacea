"""Which engine encodes, and in which precision, where the configuration leaves it open."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hybrid.errors import ConfigError, MissingError
from hybrid.precision import has_accelerator, processor_has_bfloat16
from hybrid.retrieval import onnx_encoder, openvino_encoder
from hybrid.retrieval.exported_encoder import Backend, Precision


@dataclass(frozen=True)
class EncoderChoice:
    """`must`: another engine will not do, for the configuration names this one, or its vectors are its own."""

    backend: Literal["torch"] | Backend
    precision: Precision
    must: bool

    @property
    def own_vectors(self) -> tuple[str, ...]:
        """What joins the fingerprint: nothing in float32 and bfloat16, for these vectors may stand in one index."""
        return (self.backend, self.precision) if self.precision == "int8" else ()


def choose_encoder(
    backend: Literal["auto", "torch"] | Backend,
    precision: Literal["auto"] | Precision,
    devices: Sequence[str] = (),
) -> EncoderChoice:
    """By configuration; left open it is OpenVINO on a CPU where the extra is installed, in bfloat16 where the processor
    has it, else torch in float32. Raises `ConfigError` for a pair that is not there, `MissingError` for an extra.
    """
    if devices and backend not in ("auto", "torch"):
        raise ConfigError(f"embedder.devices are torch's, but embedder.backend is {backend}", "leave one of them out")
    chosen = _left_open(precision, devices) if backend == "auto" else backend
    if chosen == "torch":
        if precision == "int8":
            raise ConfigError("embedder.precision is int8, which torch does not do here", "set embedder.backend")
        return EncoderChoice("torch", "float32" if precision == "auto" else precision, must=True)
    if not (openvino_encoder if chosen == "openvino" else onnx_encoder).is_installed():
        raise MissingError(
            f"embedder.backend is {chosen}, which is not installed",
            f"install hybrid with its extra `{chosen}`; in a checkout: pip install -e '.[{chosen}]'",
        )
    if chosen == "onnx" and precision == "bfloat16":
        raise ConfigError(
            "embedder.precision is bfloat16, which ONNX Runtime does not do on CPUs", "set float32 or int8"
        )
    if precision == "auto":
        half = chosen == "openvino" and processor_has_bfloat16()
        precision = "bfloat16" if half else "float32"
    return EncoderChoice(chosen, precision, must=backend != "auto" or precision == "int8")


def _left_open(precision: str, devices: Sequence[str]) -> Literal["torch"] | Backend:
    if devices:
        return "torch"
    if precision == "int8":
        return "onnx" if onnx_encoder.is_installed() and not openvino_encoder.is_installed() else "openvino"
    return "openvino" if openvino_encoder.is_installed() and not has_accelerator() else "torch"
