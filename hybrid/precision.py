"""Which floating-point format this machine is fast in, found without importing torch where that can be."""

import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

_DEVICES = ("nvidia[0-9]*", "kfd", "dri/renderD*", "accel*", "dxg")
"""Below /dev, one of them is there for every accelerator that torch knows on Linux."""


def has_accelerator() -> bool:
    """Whether torch finds an accelerator. It is asked only where there may be one: importing it takes seconds."""
    if "torch" not in sys.modules and not _may_have_accelerator():
        return False
    import torch

    return bool(torch.accelerator.is_available())


def _may_have_accelerator() -> bool:
    if metadata.version("torch").endswith("+cpu"):
        return False
    if sys.platform != "linux":
        return True
    return any(next(Path("/dev").glob(name), None) for name in _DEVICES)


def fast_dtype() -> str:
    """bfloat16 where the accelerator or the processor has instructions for it; elsewhere it is emulated and slower."""
    if has_accelerator():
        import torch

        if torch.cuda.is_available():
            return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if processor_has_bfloat16() else "float32"


def processor_has_bfloat16() -> bool:
    """Whether the processor has instructions for it."""
    try:
        # one line of each core says what it is able to do; the cores are alike
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        able = set(next(line for line in lines if line.startswith("flags")).split())
    except (OSError, StopIteration):
        import torch

        able = {name for name, there in torch.cpu.get_capabilities().items() if there is True}
    return not able.isdisjoint({"avx512_bf16", "amx_bf16"})


def is_x86_without_bfloat16() -> bool:
    """Whether it is a processor of x86, as AVX2 ones are, that has no instructions for it."""
    return platform.machine().lower() in ("x86_64", "amd64") and not processor_has_bfloat16()


def autocast(dtype: str) -> Any:
    """A context in which matrix products run in `dtype` (float32: as they are)."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, dtype=torch.bfloat16, enabled=dtype == "bfloat16")
