"""From a configuration to working parts: the one place where implementations are chosen. Imports are lazy."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hybrid.config import Config, Engine, GeneratorConfig
from hybrid.digests import cache_folder
from hybrid.errors import MissingError
from hybrid.models import resolve
from hybrid.precision import has_accelerator, is_x86_without_bfloat16
from hybrid.protocols import Embedder, Generator, Reranker
from hybrid.retrieval.encoder_choice import choose_encoder
from hybrid.retrieval.sentence_embedder import SentenceEmbedder

if TYPE_CHECKING:
    from hybrid.answering.generation_cache import CachedGenerator
    from hybrid.answering.openvino_export import Bits


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
        encoder=choose_encoder(options.backend, options.precision, options.devices),
        devices=options.devices,
    )


def make_encoder(embedder: SentenceEmbedder, config: Config) -> Embedder:
    """What encodes a corpus with this embedder: itself, or the actors that `index.encode_with` asks for."""
    if config.index.encode_with == "process":
        return embedder
    from hybrid.retrieval.ray_encoding import RayEmbedder

    return RayEmbedder(embedder, partial(make_embedder, config, embedder.folder, embedder.name), config.index)


def make_reranker(config: Config) -> Reranker | None:
    """The configured reranker; None where none is."""
    name = config.retrieval.reranker
    if not name:
        return None
    from hybrid.retrieval.cross_encoder import CrossEncoderReranker

    return CrossEncoderReranker(resolve(name, "reranker"), name=name)


def make_generator(
    config: Config,
    folder: Path | None = None,
    name: str = "",
    *,
    adapter: Path | None = None,
    adapter_weight: float = 1.0,
    engine: Engine | None = None,
) -> Generator:
    """The configured generator, with an adapter scaled by its weight, or a merged one from `folder`.

    `engine` overrides the configured one: a model that is measured once, while training, is not worth an export.
    """
    options = config.generator
    if options.kind == "openai" and folder is None:
        return _served(options, options.base_url, options.model)
    from hybrid.answering.local_generator import LocalGenerator

    # 8 bits of OpenVINO are its own: measured once in transformers, such a model keeps its weights
    own = options.quantization == "auto" or (
        options.quantization == "8bit" and _uses_openvino(options.engine, options.quantization)
    )
    local = LocalGenerator(
        folder or resolve(options.model, "generator"),
        name=name or options.model,
        adapter=adapter,
        adapter_weight=adapter_weight,
        dtype=options.dtype,
        quantization="none" if own else options.quantization,
        batch_size=options.batch_size,
    )
    if _uses_openvino(engine or options.engine, options.quantization):
        from hybrid.answering.openvino_generator import OpenVINOGenerator

        return OpenVINOGenerator(local, cache_folder(), bits=_bits(options.quantization, local.dtype))
    return local


def _bits(quantization: str, dtype: str) -> "Bits":
    """Of OpenVINO's weights. By default 8 where that was measured: in float32, by a processor without bfloat16."""
    if quantization == "auto":
        return "int8 weights" if dtype == "float32" and is_x86_without_bfloat16() else "whole"
    return "int8" if quantization == "8bit" else "whole"


def make_served(config: Config, *, tuned: bool) -> Generator:
    """The model of an OpenAI-compatible server that answers for a system; the base where no tuned one is named."""
    options = config.generator
    return _served(options, options.base_url, (tuned and options.tuned_model) or options.model)


def _served(options: GeneratorConfig, base_url: str, model: str) -> Generator:
    from hybrid.answering.openai_generator import OpenAIGenerator

    return OpenAIGenerator(
        base_url,
        model,
        api_key_env=options.api_key_env,
        timeout_s=options.timeout_s,
        total_timeout_s=options.total_timeout_s,
        concurrency=options.concurrency,
    )


def _uses_openvino(engine: Engine, quantization: str) -> bool:
    """By configuration, or by default on a CPU where the extra is installed. Weights in 4 bits stay in transformers."""
    from hybrid.answering.openvino_generator import is_installed

    if engine == "openvino":
        if not is_installed():
            raise MissingError(
                "generator.engine is openvino, which is not installed",
                "install hybrid with its extra `openvino`; in a checkout: pip install -e '.[openvino]'",
            )
        return True
    if engine == "transformers" or quantization == "4bit" or not is_installed():
        return False
    return not has_accelerator()


def make_cached(generator: Generator, config: Config, file: Path) -> "CachedGenerator":
    """The generator with its answers kept in `file`, a batch at a time; of an engine that forms its own, a slice."""
    from hybrid.answering.generation_cache import CachedGenerator

    return CachedGenerator(generator, file, slice_size=getattr(generator, "slice_size", config.generator.batch_size))


def make_judge(config: Config, cache: Path | None = None) -> Generator | None:
    """The model that is asked beside the grader, its replies kept in `cache`; None where none is configured."""
    options = config.diagnosis
    if not options.judge_url:
        return None
    judge = _served(config.generator, options.judge_url, options.judge_model)
    return make_cached(judge, config, cache) if cache else judge
