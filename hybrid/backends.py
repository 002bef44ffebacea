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


def make_generator(config: Config, cache: Path | None = None, folder: Path | None = None, name: str = "") -> Generator:
    """The configured generator, or a merged one from `folder`; `cache` is a file that keeps generations."""
    options = config.generator
    generator: Generator
    if options.kind == "openai" and folder is None:
        from hybrid.answering.openai_generator import OpenAIGenerator

        generator = OpenAIGenerator(
            options.base_url, options.model, api_key_env=options.api_key_env, timeout_s=options.timeout_s
        )
    else:
        from hybrid.answering.local_generator import LocalGenerator

        generator = LocalGenerator(
            folder or resolve(options.model, "generator"),
            name=name or options.model,
            dtype=options.dtype,
            quantization=options.quantization,
            batch_size=options.batch_size,
        )
    if cache is None:
        return generator
    from hybrid.answering.generation_cache import CachedGenerator

    return CachedGenerator(generator, cache, slice_size=options.batch_size)
