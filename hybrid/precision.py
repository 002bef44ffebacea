"""Which floating-point format this machine is fast in."""


def fast_dtype() -> str:
    """bfloat16 where the accelerator or the processor has instructions for it; elsewhere it is emulated and slower."""
    import torch

    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    able = torch.cpu.get_capabilities()
    return "bfloat16" if able.get("avx512_bf16") or able.get("amx_bf16") else "float32"
