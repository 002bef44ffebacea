"""The sections of the configuration that training reads: embedder, examples, generator, merge."""

from pathlib import Path
from typing import Any, Literal, Self, Union

from pydantic import Field, model_validator

from hybrid.config_stage import Stage
from hybrid.resources import Bundled, general_instructions


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
    processes: int = Field(1, ge=1)
    """Training processes on this machine, each with a batch of its own."""
    accelerate_config: Path | None = None
    """A YAML of `accelerate config`, for accelerators: training runs by `accelerate launch`, in `processes`, each of
    which holds the whole model. Empty: in this process, or in `processes` of them."""

    def settings(self) -> dict[str, Any]:
        """What of this decides an embedder; who trains only where it is more than one process."""
        return self.model_dump(mode="json", exclude={"device", *_unused(self)})

    @model_validator(mode="after")
    def _dims_descend(self) -> Self:
        if not self.dims or list(self.dims) != sorted(set(self.dims), reverse=True):
            raise ValueError("dims must be distinct and descend from the full dimension")
        if self.dim_weights and len(self.dim_weights) != len(self.dims):
            raise ValueError("dim_weights needs one weight for each of dims")
        if not self.blend or not all(0 < share <= 1 for share in self.blend):
            raise ValueError("blend: shares lie above 0 and up to 1")
        return self


def _unused(options: Union[TrainEmbedConfig, "TrainRaftConfig"]) -> set[str]:
    """A launcher's file counts by what it makes of `processes`; its path does not."""
    return {"accelerate_config"} if options.processes > 1 else {"accelerate_config", "processes"}


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
    """Share of the mixture that is general instructions. A file too short for it is repeated, three times at most."""
    general_file: Path | Bundled = "bundled"
    """JSONL with `instruction` and `response`; `bundled`: 478 that come with hybrid."""
    num_dev_examples: int = Field(24, ge=1)
    """From dev questions, for early stopping."""
    pool_depth: int = Field(20, ge=1)
    """Ranks from which distractors are taken."""
    min_examples: int = Field(100, ge=1)
    """Fewer are refused without --force."""

    @property
    def general_path(self) -> Path:
        """Where that file lies."""
        return general_instructions(self.general_file)

    def settings(self) -> dict[str, Any]:
        """What of this decides the examples; general instructions count by their content, not by their place."""
        return self.model_dump(mode="json", exclude={"general_file"})


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
    """As transformers takes it, for example "full_shard auto_wrap"; `accelerate_config` says more."""
    processes: int = Field(1, ge=1)
    """Training processes on this machine, each with a batch of its own."""
    accelerate_config: Path | None = None
    """A YAML of `accelerate config`, for accelerators and FSDP: training runs by `accelerate launch`, in `processes`.
    Empty: in this process, or in `processes` of them."""

    def settings(self) -> dict[str, Any]:
        """What of this decides an adapter; who trains only where it is more than one process."""
        return self.model_dump(mode="json", exclude=_unused(self))


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
