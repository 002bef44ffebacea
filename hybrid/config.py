"""The configuration: one frozen model per stage, unknown keys refused. YAML first, then `--set stage.key=value`.

The docstring under each field is its documentation: `hybrid config` prints it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, get_args
from urllib.parse import urlparse

from pydantic import Field, model_validator

from hybrid.config_answering import AnsweringConfig
from hybrid.config_index import IndexConfig
from hybrid.config_retrieval import RetrievalConfig
from hybrid.config_stage import Stage
from hybrid.config_training import MergeConfig, RaftConfig, TrainEmbedConfig, TrainRaftConfig
from hybrid.resources import Bundled, general_items


class CorpusConfig(Stage):
    """Documents to passages."""

    chunk_tokens: int = Field(128, ge=16)
    """Longest passage in tokens of the embedder's tokenizer; never above what the embedder reads."""
    overlap_tokens: int = Field(0, ge=0)
    """Tokens repeated at the start of the next passage where a section must be cut."""
    splits: tuple[float, float, float] = (0.6, 0.15, 0.25)
    """Shares of train, dev and test where no question names a split: questions that share a document stay together, and
    added documents move no others. Ignored where the questions name their splits."""
    split_seed: int = 13
    """Of that assignment. Not the `seed` of the training: comparing seeds must not turn test questions into train."""
    max_file_mb: float = Field(50, gt=0)
    """Larger files are skipped; of JSONL longer lines. What DOCX, XLSX, PPTX and EPUB unpack to counts."""
    max_read_seconds: float = Field(20, gt=0)
    """Documents that take more of a processor's time to read, or six times as long by the clock, are skipped. Every
    document is read in a worker process."""
    max_read_memory_mb: float = Field(500, ge=50)
    """Documents that take more memory to read, beyond what that process takes anyway, are skipped (on Linux)."""
    html_layout: Literal["markdown", "plain"] = "markdown"
    """Lists and tables of web pages as Markdown, or every item and row as a paragraph of its own."""
    drop_boilerplate: bool = True
    """Leave out paragraphs of web pages that stand on half of the pages of a folder (of five or more)."""
    duplicates: Literal["near", "exact", "keep"] = "near"
    """Documents left out because an earlier one is the same: nearly (`near_duplicate`), wholly, or none."""
    near_duplicate: float = Field(0.9, gt=0.5, le=1)
    """Share of word sequences in common (Jaccard) from which documents with the same figures are near-duplicates."""

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if min(self.splits) < 0 or abs(sum(self.splits) - 1) > 1e-6:
            raise ValueError("splits: shares of train, dev and test, which sum to 1")
        return self


class EmbedderConfig(Stage):
    """The model that turns text into vectors."""

    model: str = "embedded"
    """`embedded` (all-MiniLM-L6-v2, 384 dims, from the package registry), a hub name, or a local sentence-transformers
    folder."""
    dim: int | None = Field(None, ge=8)
    """Matryoshka dimension: vectors are cut to it and renormalised. Empty: the model's own."""
    batch_size: int = Field(64, ge=1)
    """Texts that torch encodes at once; the other backends fill batches by tokens."""
    max_tokens: int | None = Field(None, ge=16)
    """Tokens read of a text. Empty: the model's own limit."""
    query_prompt: str = ""
    """Put before every query, in training, indexing and search alike."""
    passage_prompt: str = ""
    """Put before every passage, in training, indexing and search alike."""
    backend: Literal["auto", "torch", "onnx", "openvino"] = "auto"
    """What encodes. `auto`: OpenVINO on a CPU where the extra `openvino` is installed, else torch; vectors are the same
    but for rounding. OpenVINO and ONNX Runtime take an export, made once for a model and checked against torch."""
    precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto"
    """Of matrix products. `auto`: bfloat16 in OpenVINO where the processor has it, else float32. `int8` (ONNX Runtime,
    OpenVINO) is faster still, and its vectors are its own: an index by it is another index."""
    devices: tuple[str, ...] = ()
    """Torch devices that encode side by side, a process each, for example `[cuda:0, cuda:1]`. Empty: one, the
    accelerator where there is one."""


Engine = Literal["auto", "transformers", "openvino"]


class GeneratorConfig(Stage):
    """The model that answers."""

    kind: Literal["local", "openai"] = "local"
    """`local`: in this process. `openai`: any server with an OpenAI-compatible chat API."""
    engine: Engine = "auto"
    """What runs a local model. `auto`: OpenVINO on a CPU where the extra `openvino` is installed, else transformers."""
    model: str = "embedded"
    """`embedded` (Qwen2.5-Coder-0.5B-Instruct, from the package registry), another of `hybrid models list` by its name,
    a hub name, a folder, or the server's model. A folder that is called like an embedded model: `./NAME`."""
    base_url: str = ""
    """Of the OpenAI-compatible server, for example http://localhost:8000/v1."""
    api_key_env: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key; the key itself is never written or printed."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the weights when answering. `auto`: bfloat16 where the processor has instructions for it, else float32."""
    quantization: Literal["auto", "none", "8bit", "4bit"] = "auto"
    """`auto`: in OpenVINO, where it computes in float32 on an x86 processor without bfloat16 instructions, weights held
    in 8 bits and computed with in full: a third of the memory, other words in some answers; elsewhere `none`. Training
    and likelihoods take whole weights. `8bit`: matrix products in int8, by OpenVINO where it is the engine, else by
    bitsandbytes (LLM.int8): faster, other answers, 0 to 2 points of score less on three public sets. `4bit`: NF4 by
    bitsandbytes, at load; not in OpenVINO."""
    batch_size: int = Field(16, ge=1)
    """Prompts generated at once."""
    context_tokens: int = Field(1500, ge=64)
    """Token budget of task, question and passages; passages that do not fit are dropped from the end and counted."""
    window_tokens: int | None = Field(None, ge=128)
    """Tokens of prompt and answer that the model takes: worked examples fill what `context_tokens` leaves of it. Empty:
    what a local model's own configuration says; 4096 where none says it, as of a server."""
    max_new_tokens: int = Field(64, ge=1)
    """Longest answer in tokens."""
    tuned_model: str = ""
    """The server's name for the tuned model: a LoRA adapter as vLLM serves it, or the merged folder. It answers for the
    systems `adapter` and `tuned`. Empty: the server has none."""
    concurrency: int = Field(8, ge=1)
    """Requests to a server at once."""
    timeout_s: float = Field(60.0, gt=0)
    """For a request to a server."""
    total_timeout_s: float = Field(300.0, gt=0)
    """For a request with its repeats, after errors that pass: no connection, timeouts, 429, 5xx."""

    @model_validator(mode="after")
    def _engine_has_the_bits(self) -> Self:
        if self.engine == "openvino" and self.quantization == "4bit":
            raise ValueError("quantization 4bit is not to be had in OpenVINO: 8bit is, or leave engine auto")
        return self


class EvaluationConfig(Stage):
    """Scores and their intervals."""

    split: Literal["train", "dev", "test", "all"] = "test"
    """Whose questions are asked by `hybrid evaluate`; `all` for a set on which nothing is tuned."""
    max_questions: int = Field(0, ge=0)
    """A fixed random sample of the split; 0 takes all."""
    resamples: int = Field(10_000, ge=100)
    """Of the bootstrap, clustered by gold passage."""
    few_shot: int = Field(0, ge=0)
    """In this evaluation alone, instead of `answering.examples`: the baseline that tuning must beat."""
    general_files: tuple[Path | Bundled, ...] = ("bundled",)
    """Multiple-choice files for general ability; `bundled`: 120 items that come with hybrid."""
    general_items: int = Field(0, ge=0)
    """Items taken of each file; 0 takes all."""
    general_dev_share: float = Field(0.0, ge=0, lt=1)
    """Share of each file that is kept for choosing the merge weight and is never in the figures."""
    general_dev_items: int = Field(0, ge=0)
    """Items taken of that share of each file; 0 takes all."""
    dims: tuple[int, ...] = ()
    """Shorter Matryoshka dimensions at which ranking is measured as well, by the vectors alone."""
    arms: tuple[Literal["oracle", "oracle_in_distractors", "closed_book"], ...] = ()
    """Contexts beside the retrieved one under which answerable questions are answered as well."""
    distractors: Literal["own", "base"] = "own"
    """Whose ranking the distractors of `oracle_in_distractors` come from: the system's own, or the base embedder's, so
    that all systems are asked the same."""

    @property
    def general_paths(self) -> tuple[Path, ...]:
        """Where those files lie."""
        return tuple(map(general_items, self.general_files))

    def settings(self) -> dict[str, Any]:
        """What of this decides an evaluation; its general items count by their content, not by their place."""
        return self.model_dump(mode="json", exclude={"general_files"})


class DiagnosisConfig(Stage):
    """Whose fault it is."""

    split: Literal["train", "dev", "test"] = "dev"
    """Pick on dev, confirm on test."""
    max_questions: int = Field(0, ge=0)
    """A fixed random sample of the split; 0 takes all."""
    orders: int = Field(3, ge=1)
    """Passage orders of the arms retrieved and oracle_in_distractors."""
    rank_limit: int = Field(20, ge=1)
    """A gold passage missed at k but within this rank counts as ranked low, not as a wrong document."""
    minimum_effect: float = Field(0.05, ge=0, lt=1)
    """Smallest gain in answer score that is worth a retune."""
    confidence: float = Field(0.95, gt=0.5, lt=1)
    """Bootstrap probability of being the best layer that a recommendation needs."""
    retrieval_cost: float = Field(1.0, gt=0)
    """Of a retune of the retrieval side, in any unit: expected gains are compared per cost."""
    generator_cost: float = Field(1.0, gt=0)
    """Of a retune of the generator, in the same unit."""
    query_prompts: tuple[str, ...] = (
        "",
        "query: ",
        "search_query: ",
        "Represent this sentence for searching relevant passages: ",
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ",
    )
    """Tried instead of embedder.query_prompt, with those that the model's makers saved beside it: where one ranks the
    gold higher, the questions are answered with it too. Empty: none is tried."""
    prompt_forms: tuple[Literal["plain", "cited", "quote_first", "reason_first"], ...] = (
        "plain",
        "cited",
        "quote_first",
        "reason_first",
    )
    """Forms of the generator's prompt that are tried instead of the present one, and with them the present one without
    answering.instruction where that is set: each on a sample of at most 24 questions, and where one is clearly better
    there, on all. Empty: none is tried."""
    glossary: Path | None = None
    """YAML, `right term: [wrong variant, …]`: answers that use a wrong one are counted. Empty: none are."""
    judge_url: str = ""
    """An OpenAI-compatible server whose model is asked too whether answers are right: its agreement with the grader is
    told, the verdict stays the grader's. Empty: nobody is asked. The key is read as for generator.api_key_env."""
    judge_model: str = ""
    """The judge's name at that server."""


SynthKind = Literal["lookup", "comparison", "procedure", "negation", "multi_passage", "unanswerable"]
SynthFilter = Literal[
    "schema",
    "standalone",
    "grounded",
    "copied",
    "duplicate",
    "retrieved",
    "alone",
    "in_context",
    "needed",
    "critic",
]

_KIND_SHARES: Mapping[SynthKind, float] = {
    "lookup": 0.4,
    "procedure": 0.15,
    "negation": 0.1,
    "comparison": 0.1,
    "multi_passage": 0.1,
    "unanswerable": 0.15,
}


class SynthConfig(Stage):
    """Questions that a teacher model writes."""

    teacher: GeneratorConfig | None = None
    """Keys as of `generator`. Empty: the configured generator writes, answers and criticises."""
    num_drafts: int = Field(200, ge=1)
    """Questions to be written; filters leave fewer."""
    shares: Mapping[SynthKind, float] = _KIND_SHARES
    """Of each kind of question among the drafts."""
    personas: tuple[str, ...] = ("a new colleague", "an experienced technician", "an auditor")
    """Who asks, in turn."""
    draft_tokens: int = Field(120, ge=20)
    """Longest reply of the teacher to a request for a question."""
    filters: tuple[SynthFilter, ...] = get_args(SynthFilter)
    """Which run; they keep their order. For training the embedder alone, where nobody reads the answers, the first five
    and `retrieved` will do."""
    rank_limit: int = Field(10, ge=1)
    """The passage of a question must be found within this rank by the base retriever."""
    keep_share: float = Field(0.75, gt=0, le=1)
    """Of the questions that passed all other filters, by the critic's scores."""
    dev_share: float = Field(0.15, ge=0, lt=1)
    """Of the documents whose questions go to dev."""
    price_in: float = Field(0.0, ge=0)
    """Of a million prompt tokens, in any currency: for the estimate."""
    price_out: float = Field(0.0, ge=0)
    """Of a million new tokens."""

    @model_validator(mode="after")
    def _someone_asks_something(self) -> Self:
        if not self.personas:
            raise ValueError("personas must name at least one")
        if any(share < 0 for share in self.shares.values()) or not sum(self.shares.values()) > 0:
            raise ValueError("shares must not be negative, and one of them must be above 0")
        return self


class Config(Stage):
    """Everything that decides a result."""

    seed: int = 13
    """Of every random choice."""
    corpus: CorpusConfig = CorpusConfig()
    embedder: EmbedderConfig = EmbedderConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    index: IndexConfig = IndexConfig()
    generator: GeneratorConfig = GeneratorConfig()
    answering: AnsweringConfig = AnsweringConfig()
    train_embed: TrainEmbedConfig = TrainEmbedConfig()
    raft: RaftConfig = RaftConfig()
    train_raft: TrainRaftConfig = TrainRaftConfig()
    merge: MergeConfig = MergeConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    diagnosis: DiagnosisConfig = DiagnosisConfig()
    synth: SynthConfig = SynthConfig()

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if "@" in urlparse(self.generator.base_url).netloc:
            raise ValueError(
                "generator.base_url holds a secret: put it into the environment variable of generator.api_key_env"
            )
        if self.generator.kind == "openai" and not self.generator.base_url:
            raise ValueError(
                "generator.kind is openai: generator.base_url is needed, for example http://localhost:8000/v1"
            )
        if self.diagnosis.judge_url and not self.diagnosis.judge_model:
            raise ValueError("diagnosis.judge_url needs diagnosis.judge_model: the judge's name at that server")
        if self.merge.sweep and not self.evaluation.general_dev_share:
            raise ValueError("merge.sweep needs evaluation.general_dev_share: general items that are in no figure")
        if not all(0 < weight <= 1 for weight in self.merge.sweep):
            raise ValueError("merge.sweep: weights lie above 0 and up to 1")
        if self.retrieval.depth < max(self.retrieval.k, self.diagnosis.rank_limit, 10):
            raise ValueError("retrieval.depth must reach retrieval.k, diagnosis.rank_limit and 10 (for nDCG@10)")
        return self
