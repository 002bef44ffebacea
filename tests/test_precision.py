"""What is found of the machine without torch is what torch finds."""

import json
import subprocess
import sys


def test_torch_finds_the_same() -> None:
    code = (
        "import json, sys\nfrom hybrid.precision import fast_dtype, has_accelerator\n"
        "before = [fast_dtype(), has_accelerator()]\n"
        "import torch\n"
        "able = torch.cpu.get_capabilities()\n"
        "fast = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else able.get('avx512_bf16') or "
        "able.get('amx_bf16')\n"
        "print(json.dumps([before, ['bfloat16' if fast else 'float32', torch.accelerator.is_available()]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, by_torch = json.loads(done.stdout)
    assert before == by_torch
