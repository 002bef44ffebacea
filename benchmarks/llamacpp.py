"""The same prompts and answers in llama.cpp: the other side of `benchmarks.reader_speed`. It imports nothing of ours.

python -m benchmarks.llamacpp FILE_OF_PROMPTS
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from llama_cpp import Llama

from benchmarks.peak import peak_mb


def main() -> None:
    """Prompts, answers, threads and the weights' file are read from what `benchmarks.reader_speed` writes."""
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    threads = given["threads"]
    model = Llama(given["gguf"], n_ctx=given["window"], n_threads=threads, n_threads_batch=threads, verbose=False)
    model.eval(given["warm_up"])
    model.sample(temp=0.0)
    print(json.dumps({"answers": [_answer(model, row) for row in given["asked"]], "peak_mb": peak_mb()}))


def _answer(model: Any, row: dict[str, Any]) -> dict[str, Any]:
    """The tokens that ours answered are fed in turn, so that both sides write as much; its own choices are told."""
    prompt, told = row["prompt"], row["answer"]
    started = time.perf_counter()
    # what the last prompt began with is kept, as llama.cpp's own calls and ours do; the last token is computed
    before = model.input_ids[: model.n_tokens].tolist()
    same = next((n for n, pair in enumerate(zip(before, prompt[:-1], strict=False)) if pair[0] != pair[1]), None)
    model.n_tokens = min(len(before), len(prompt) - 1) if same is None else same
    model.eval(prompt[model.n_tokens :])
    chosen = [int(model.sample(temp=0.0))]
    first = time.perf_counter()
    for token in told[:-1]:
        model.eval([token])
        chosen.append(int(model.sample(temp=0.0)))
    return {"tokens": chosen, "prompt_s": first - started, "decode_s": time.perf_counter() - first}


if __name__ == "__main__":
    main()
