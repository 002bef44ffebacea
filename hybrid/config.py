"""The configuration: one frozen model per stage, unknown keys refused. YAML first, then `--set stage.key=value`.

The docstring under each field is its documentation: `hybrid config` prints it.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Stage(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, protected_namespaces=())


class CorpusConfig(Stage):
    """Documents to passages."""

    chunk_tokens: int = Field(128, ge=16)
    """Longest passage in tokens of the embedder's tokenizer; never above what the embedder reads."""
    overlap_tokens: int = Field(0, ge=0)
    """Tokens repeated at the start of the next passage where a section must be cut."""
    max_file_mb: float = Field(50, gt=0)
    """Larger files are skipped; of JSONL longer lines. What a DOCX unpacks to counts."""
    html_layout: Literal["markdown", "plain"] = "markdown"
    """Lists and tables of web pages as Markdown, or every item and row as a paragraph of its own."""
    drop_boilerplate: bool = True
    """Leave out paragraphs of web pages that stand on half of the pages of a folder (of five or more)."""
    duplicates: Literal["near", "exact", "keep"] = "near"
    """Documents left out because an earlier one is the same: nearly (`near_duplicate`), wholly, or none."""
    near_duplicate: float = Field(0.9, gt=0.5, le=1)
    """Share of word sequences in common (Jaccard) from which documents with the same figures are near-duplicates."""


class EmbedderConfig(Stage):
    """The model that turns text into vectors."""

    model: str = "embedded"
    """`embedded` (MiniLM, 384 dims, from the package registry), a hub name, or a local sentence-transformers folder."""
    dim: int | None = Field(None, ge=8)
    """Matryoshka dimension: vectors are cut to it and renormalised. Empty: the model's own."""
    batch_size: int = Field(64, ge=1)
    """Texts encoded at once."""
    max_tokens: int | None = Field(None, ge=16)
    """Tokens read of a text. Empty: the model's own limit."""
    query_prompt: str = ""
    """Put before every query, in training, indexing and search alike."""
    passage_prompt: str = ""
    """Put before every passage, in training, indexing and search alike."""


class RetrievalConfig(Stage):
    """Search."""

    k: int = Field(4, ge=1)
    """Passages that the generator sees."""
    depth: int = Field(100, ge=1)
    """Passages ranked for evaluation and diagnosis."""


Engine = Literal["auto", "transformers", "openvino"]


class GeneratorConfig(Stage):
    """The model that answers."""

    kind: Literal["local", "openai"] = "local"
    """`local`: in this process. `openai`: any server with an OpenAI-compatible chat API."""
    engine: Engine = "auto"
    """What runs a local model. `auto`: OpenVINO on a CPU where the extra `openvino` is installed, else transformers."""
    model: str = "embedded"
    """`embedded` (SmolLM2-135M-Instruct, from the package registry), a hub name, a folder, or the server's model."""
    base_url: str = ""
    """Of the OpenAI-compatible server, for example http://localhost:8000/v1."""
    api_key_env: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key; the key itself is never written or printed."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the weights when answering. `auto`: bfloat16 where the processor has instructions for it, else float32."""
    quantization: Literal["none", "4bit"] = "none"
    """`4bit`: NF4 by bitsandbytes, at load."""
    batch_size: int = Field(16, ge=1)
    """Prompts generated at once."""
    context_tokens: int = Field(700, ge=64)
    """Token budget of a whole prompt; passages that do not fit are dropped from the end and counted."""
    max_new_tokens: int = Field(40, ge=1)
    """Longest answer in tokens."""
    timeout_s: float = Field(60.0, gt=0)
    """For a request to a server."""


AnswerStyle = Literal["cited", "quote_first", "reason_first"]


class AnsweringConfig(Stage):
    """How answers look and what is served."""

    style: AnswerStyle = "cited"
    """`cited`: answer with `[n]`. `quote_first`: a verbatim quote, then the answer.
    `reason_first`: one sentence of reasoning, then the answer."""
    instruction: str = ""
    """Joins the system prompt: what an answer looks like in this corpus, for example `Answer yes, no or maybe.`"""
    question_first: bool = False
    """Put the question before the passages too: a causal model then reads them knowing what is asked."""
    best_first: bool = False
    """Passages stand in the retriever's order in every prompt, of training and of measuring too: a small generator
    learns that the first one is the likeliest. The diagnosis then has one passage order instead of several."""
    passage_fields: tuple[str, ...] = ()
    """Of passages written as `key: value | key: value`, the keys that the generator sees, in order; the last one is
    never shortened. Empty: all."""
    passage_tokens: int | None = Field(None, ge=16)
    """Of one passage that the generator sees: the sentences nearest the question are kept. Empty: all of it.
    Retrieval ranks whole passages whatever this says."""
    guard: Literal["abstain", "flag", "off"] = "abstain"
    """What happens to an answer with a figure or identifier that no cited passage contains."""


class TrainEmbedConfig(Stage):
    """Fine-tuning of the embedder."""

    dims: tuple[int, ...] = (384, 256, 128, 64)
    """Matryoshka dimensions, full first."""
    dim_weights: tuple[float, ...] = ()
    """Weight of each of `dims` in the loss. Empty: all alike."""
    epochs: float = Field(3, gt=0)
    """Passes over the pairs."""
    batch_size: int = Field(32, ge=2)
    """Pairs a step; each pair's negatives are the others' positives and the mined ones."""
    mini_batch_size: int = Field(32, ge=1)
    """Texts in memory at once (gradient caching): lower saves memory and changes nothing else."""
    learning_rate: float = Field(5e-5, gt=0)
    """Peak, reached after a tenth of the steps."""
    hard_negatives: int = Field(1, ge=0)
    """Mined per pair from the base embedder's own ranking."""
    positives_per_question: int = Field(4, ge=1)
    """At most so many of a question's gold passages make a pair: twenty copies of one record would drown the rest."""
    max_questions: int = Field(0, ge=0)
    """A fixed random sample of the training questions; 0 takes all."""
    spare_to_dev: bool = False
    """Training questions above `max_questions` join dev, those whose document is trained on aside: small gains show."""
    relative_margin: float = Field(0.05, ge=0, lt=1)
    """A mined negative scores at least this share below its positive, else it may be a false negative."""
    blend: tuple[float, ...] = (1.0,)
    """Shares of the tuned weights in a blend with the base; each is measured on dev and the best one kept."""
    evals_per_epoch: int = Field(2, ge=1)
    """Evaluations on dev, with a checkpoint each."""
    patience: int = Field(3, ge=1)
    """Evaluations without gain before training stops."""
    min_pairs: int = Field(200, ge=1)
    """Fewer training pairs are refused without --force: collect or synthesise data first."""
    min_dev_questions: int = Field(30, ge=1)
    """Fewer answerable dev questions are refused without --force: no tuning without an evaluation set."""
    min_headroom: float = Field(0.05, ge=0, lt=1)
    """Where the base's nDCG@10 on dev is nearer to 1 than this, nothing is trained: the base is kept."""
    compute: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products while training. `auto`: bfloat16 where the processor has instructions for it, else float32."""
    device: str | None = None
    """Empty: an accelerator if there is one, else the CPU."""

    @model_validator(mode="after")
    def _dims_descend(self) -> Self:
        if not self.dims or list(self.dims) != sorted(set(self.dims), reverse=True):
            raise ValueError("dims must be distinct and descend from the full dimension")
        if self.dim_weights and len(self.dim_weights) != len(self.dims):
            raise ValueError("dim_weights needs one weight for each of dims")
        if not self.blend or not all(0 < share <= 1 for share in self.blend):
            raise ValueError("blend: shares lie above 0 and up to 1")
        return self


class RaftConfig(Stage):
    """Training examples for the generator: oracle and distractors."""

    num_examples: int = Field(160, ge=1)
    """Domain examples at most."""
    num_distractors: int = Field(3, ge=0)
    """Beside the oracle, from what the retriever really returns."""
    distractors: Literal["top", "served", "below"] = "top"
    """`top`: the best-ranked ones, harder than what is served where the oracle ranks low. `served`: then its neighbours
    in the ranking, so that the oracle stands among them as it does where it is served. `below`: those that rank behind
    the oracle; with `answering.best_first` a generator too small to choose learns to trust the retriever's order."""
    oracle_rate: float = Field(0.7, ge=0, le=1)
    """Share of examples on answerable questions that keep the oracle."""
    without_oracle: Literal["abstain", "answer"] = "abstain"
    """Target where the oracle is withheld: decline, or answer from memory."""
    unanswerable_share: float = Field(0.1, ge=0, lt=1)
    """Share of domain examples made from unanswerable training questions, always with abstention as target."""
    balance_labels: bool = False
    """For yes/no(/maybe) and choice questions: at most as many of the commonest label as of the next one."""
    max_example_tokens: int = Field(450, ge=64)
    """Prompt and answer together. Too long: fewer distractors, never a cut answer."""
    general_share: float = Field(0.15, ge=0, lt=1)
    """Share of the mixture that is general instructions."""
    general_file: Path = Path("corpora/general/instructions.jsonl")
    """JSONL with `instruction` and `response`."""
    num_dev_examples: int = Field(24, ge=1)
    """From dev questions, for early stopping."""
    pool_depth: int = Field(20, ge=1)
    """Ranks from which distractors are taken."""
    min_examples: int = Field(100, ge=1)
    """Fewer are refused without --force."""


class TrainRaftConfig(Stage):
    """LoRA or QLoRA on the RAFT examples."""

    lora_rank: int = Field(16, ge=1)
    """Of every adapted matrix."""
    lora_alpha: int = Field(32, ge=1)
    """Scale; the update is multiplied by alpha / rank."""
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    """On the adapter's input."""
    target_modules: str = "all-linear"
    """Matrices that are adapted: `all-linear`, or names with commas, for example q_proj,v_proj."""
    adapted_layers: float = Field(1.0, gt=0, le=1)
    """Share of the layers that are adapted, counted from the output: 0.5 saves a third of a step."""
    quantization: Literal["none", "4bit"] = "none"
    """`4bit` is QLoRA: the base in NF4, the adapter in full precision."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the base weights while training."""
    compute: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of matrix products while training. `auto`: bfloat16 where the processor has instructions for it, else float32."""
    learning_rate: float = Field(3e-4, gt=0)
    """Peak, reached after a twentieth of the steps, then cosine."""
    epochs: float = Field(2, gt=0)
    """Passes over the examples."""
    batch_size: int = Field(4, ge=1)
    """Examples a step and device."""
    gradient_accumulation: int = Field(2, ge=1)
    """Steps summed before an update."""
    gradient_checkpointing: bool = False
    """Saves memory on an accelerator, costs time on a CPU."""
    evals_per_epoch: int = Field(2, ge=1)
    """Evaluations on dev examples, with a checkpoint each."""
    patience: int = Field(2, ge=1)
    """Evaluations without gain before training stops."""
    fsdp: str = ""
    """For several accelerators under `accelerate launch`, for example "full_shard auto_wrap"."""


class MergeConfig(Stage):
    """The adapter's way into a plain model folder."""

    method: Literal["linear", "slerp", "ties"] = "linear"
    """mergekit's merge method between the base and the base with the adapter."""
    weight: float = Field(1.0, gt=0, le=1)
    """Of the tuned model; the base has the rest."""
    sweep: tuple[float, ...] = ()
    """Weights to measure on dev; the best one replaces `weight`: the highest task score among those that lose at most
    `max_general_loss`. Needs evaluation.general_dev_share."""
    max_general_loss: float = Field(0.01, ge=0, lt=1)
    """Share of the general dev items that a weight may lose against the base."""
    density: float = Field(0.7, gt=0, le=1)
    """For ties: share of the changes that is kept."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Of the merged weights."""
    parity_tolerance: float = Field(2e-3, gt=0)
    """Largest difference of logits between adapter and merged model at weight 1."""


class EvaluationConfig(Stage):
    """Scores and their intervals."""

    split: Literal["train", "dev", "test", "all"] = "test"
    """Whose questions are asked by `hybrid evaluate`; `all` for a set on which nothing is tuned."""
    max_questions: int = Field(0, ge=0)
    """A fixed random sample of the split; 0 takes all."""
    resamples: int = Field(10_000, ge=100)
    """Of the bootstrap, clustered by gold passage."""
    few_shot: int = Field(0, ge=0)
    """Worked examples from train put into the prompt: the baseline that tuning must beat."""
    general_files: tuple[Path, ...] = (Path("corpora/general/items.jsonl"),)
    """Multiple-choice files for general ability."""
    general_items: int = Field(0, ge=0)
    """Items taken of each file; 0 takes all."""
    general_dev_share: float = Field(0.0, ge=0, lt=1)
    """Share of each file that is kept for choosing the merge weight and is never in the figures."""
    general_dev_items: int = Field(0, ge=0)
    """Items taken of that share of each file; 0 takes all."""
    dims: tuple[int, ...] = ()
    """Shorter Matryoshka dimensions at which ranking is measured as well."""
    arms: tuple[Literal["oracle", "oracle_in_distractors", "closed_book"], ...] = ()
    """Contexts beside the retrieved one under which answerable questions are answered as well."""
    distractors: Literal["own", "base"] = "own"
    """Whose ranking the distractors of `oracle_in_distractors` come from: the system's own, or the base embedder's, so
    that all systems are asked the same."""


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
    glossary: Path | None = None
    """YAML, `right term: [wrong variant, …]`: answers that use a wrong one are counted. Empty: none are."""
    judge_url: str = ""
    """An OpenAI-compatible server whose model is asked too whether answers are right: its agreement with the grader is
    told, the verdict stays the grader's. Empty: nobody is asked. The key is read as for generator.api_key_env."""
    judge_model: str = ""
    """The judge's name at that server."""


class Config(Stage):
    """Everything that decides a result."""

    seed: int = 13
    """Of every random choice."""
    corpus: CorpusConfig = CorpusConfig()
    embedder: EmbedderConfig = EmbedderConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    generator: GeneratorConfig = GeneratorConfig()
    answering: AnsweringConfig = AnsweringConfig()
    train_embed: TrainEmbedConfig = TrainEmbedConfig()
    raft: RaftConfig = RaftConfig()
    train_raft: TrainRaftConfig = TrainRaftConfig()
    merge: MergeConfig = MergeConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    diagnosis: DiagnosisConfig = DiagnosisConfig()

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
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
