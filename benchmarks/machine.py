"""The machine that the figures were measured on, as it names itself."""

import os
import platform
from pathlib import Path

from hybrid.precision import fast_dtype


def describe() -> str:
    """Cores, processor, memory, accelerator, Python."""
    import torch

    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    fast = " (bfloat16 in hardware)" if fast_dtype() == "bfloat16" else ""
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return (
        f"{len(os.sched_getaffinity(0))} cores of {model or platform.processor() or 'an unnamed processor'}{fast}, "
        f"{_gibibytes():.0f} GiB, {accelerator or 'no accelerator'}, Python {platform.python_version()}"
    )


def _gibibytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
