"""Which generator a system answers with: the base, the adapter beside it, the merged model, or one that is served."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from hybrid.artifacts import require
from hybrid.backends import make_generator, make_served
from hybrid.config import Config
from hybrid.errors import StaleError
from hybrid.models import resolve
from hybrid.protocols import Generator

SystemName = Literal["base", "embedder", "adapter", "tuned"]
"""What is tuned in a system: nothing; the embedder; the embedder and the generator, by an adapter at full weight; all
of it, the generator as merged."""


def open_generator(
    root: Path, config: Config, system: SystemName, *, is_tuned: bool, base_weights: Callable[[], str]
) -> Generator:
    """The system's generator; the base where none was merged (`is_tuned` says whether one was).

    Raises `StaleError` if tuned from another base than `base_weights`, the SHA-256 of the configured one's.
    """
    if config.generator.kind == "openai":
        return make_served(config, tuned=system in ("adapter", "tuned"))
    if system == "adapter":
        from hybrid.tuning.generator import ADAPTER, check_adapter_base

        require(root / "adapter", "hybrid train-raft")
        check_adapter_base(root / "adapter", resolve(config.generator.model, "generator"))
        name = f"{config.generator.model} with adapter"
        return make_generator(config, name=name, adapter=root / "adapter" / ADAPTER)
    if system != "tuned" or not is_tuned:
        return make_generator(config)
    if require(root / "generator", "hybrid merge").inputs["generator"] != base_weights():
        raise StaleError(
            f"{root / 'generator'} was tuned from another model than generator.model = {config.generator.model}",
            "run `hybrid train-raft` and `hybrid merge` again, or pass --system base",
        )
    return make_generator(config, root / "generator" / "model", f"{config.generator.model} tuned")
