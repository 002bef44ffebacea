"""Which floating-point format this machine is fast in."""

from typing import Any


def fast_dtype() -> str:
    """bfloat16 where the accelerator or the processor has instructions for it; elsewhere it is emulated and slower."""
    import torch

    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    able = torch.cpu.get_capabilities()
    return "bfloat16" if able.get("avx512_bf16") or able.get("amx_bf16") else "float32"


def autocast(dtype: str) -> Any:
    """A context in which matrix products run in `dtype` (float32: as they are)."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.autocast(device, dtype=torch.bfloat16, enabled=dtype == "bfloat16")
