"""From a configuration to working parts: the one place where implementations are chosen. Imports are lazy."""

from pathlib import Path

from hybrid.config import Config
from hybrid.models import resolve
from hybrid.protocols import Generator
from hybrid.retrieval.sentence_embedder import SentenceEmbedder


def make_embedder(config: Config, folder: Path | None = None, name: str = "") -> SentenceEmbedder:
    """The configured embedder, or a tuned one from `folder` with the same options."""
    options = config.embedder
    return SentenceEmbedder(
        folder or resolve(options.model, "embedder"),
        name=name or options.model,
        dim=options.dim,
        max_tokens=options.max_tokens,
        batch_size=options.batch_size,
        query_prompt=options.query_prompt,
        passage_prompt=options.passage_prompt,
    )


def make_generator(
    config: Config,
    folder: Path | None = None,
    name: str = "",
    *,
    adapter: Path | None = None,
    adapter_weight: float = 1.0,
) -> Generator:
    """The configured generator, with an adapter scaled by its weight, or a merged one from `folder`."""
    options = config.generator
    if options.kind == "openai" and folder is None:
        from hybrid.answering.openai_generator import OpenAIGenerator

        return OpenAIGenerator(
            options.base_url, options.model, api_key_env=options.api_key_env, timeout_s=options.timeout_s
        )
    from hybrid.answering.local_generator import LocalGenerator

    return LocalGenerator(
        folder or resolve(options.model, "generator"),
        name=name or options.model,
        adapter=adapter,
        adapter_weight=adapter_weight,
        dtype=options.dtype,
        quantization=options.quantization,
        batch_size=options.batch_size,
    )


def make_cached(generator: Generator, config: Config, file: Path) -> Generator:
    """The generator with its answers kept in `file`, a batch at a time."""
    from hybrid.answering.generation_cache import CachedGenerator

    return CachedGenerator(generator, file, slice_size=config.generator.batch_size)
