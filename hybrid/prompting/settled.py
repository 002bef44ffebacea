"""Which prompt is used: the configured one, or with `answering.style: auto` the one that dev chose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hybrid.artifacts import Manifest, current, sha256_json
from hybrid.config import Config
from hybrid.config_answering import AnswerStyle
from hybrid.progress import tell_once
from hybrid.types import Question

KIND, VERSION = "prompt", 1
COMMAND = "hybrid prompt"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A form with a number of worked examples."""

    style: AnswerStyle = "plain"
    examples: int = 0

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.style}, {self.examples} examples" if self.examples else self.style

    def of(self, config: Config) -> Config:
        """The configuration with this prompt."""
        answering = config.answering.model_copy(update={"style": self.style, "examples": self.examples})
        return config.model_copy(update={"answering": answering})


def present_prompt(config: Config) -> Prompt:
    """What is configured; `auto` is held against the default."""
    style = config.answering.style
    return Prompt() if style == "auto" else Prompt(style, config.answering.examples)


def made_choice(target: Path, config: Config, inputs: Mapping[str, str]) -> Manifest | None:
    """The choice that was made of just this; None where there is none."""
    return current(target, KIND, VERSION, settings_of(config), inputs)


def settled(config: Config, target: Path, inputs: Callable[[], Mapping[str, str]]) -> Config:
    """The configuration with `answering.style: auto` as dev settled it: plain, which is told, where it has not."""
    if config.answering.style != "auto":
        return config
    manifest = made_choice(target, config, inputs())
    if manifest is None:
        why = "it was made of other dev questions, settings or weights" if target.is_dir() else "none was made"
        tell_once(
            f"answering.style is auto and there is no current choice ({why}): the prompt is plain, without examples; "
            f"run `{COMMAND}`"
        )
    return (Prompt(manifest.facts["style"], manifest.facts["examples"]) if manifest else Prompt()).of(config)


def with_shots(config: Config) -> Config:
    """The configuration with the examples of `evaluation.few_shot` where it asks for any."""
    shots = config.evaluation.few_shot
    answering = config.answering.model_copy(update={"examples": shots or config.answering.examples})
    return config.model_copy(update={"answering": answering})


def prompt_inputs(questions: Sequence[Question], weights: str) -> dict[str, str]:
    """What a choice rests on: dev's questions and the generator. Not the passages: a document more is no reason to
    choose anew how they are read.
    """
    dev = [[q.id, q.question, q.answers, q.answerable] for q in questions if q.split == "dev"]
    return {"dev": sha256_json(dev), "generator": weights}


def settings_of(config: Config) -> dict[str, Any]:
    """What a choice depends on beside its inputs; whatever prompt is configured now, it can be adopted."""
    return {
        "answering": config.answering.model_dump(mode="json", exclude={"style", "examples"}),
        "generator": config.generator.model_dump(
            mode="json", include={"context_tokens", "window_tokens", "max_new_tokens"}
        ),
        "k": config.retrieval.k,
        "resamples": config.evaluation.resamples,
        "seed": config.seed,
    }
