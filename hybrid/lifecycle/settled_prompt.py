"""The prompt in which a workspace asks: as configured, or as dev chose it for the base generator.

Every system has the same one, for a tuned generator was trained on it.
"""

from pathlib import Path

from hybrid.artifacts import sha256_tree
from hybrid.backends import make_served
from hybrid.config import Config
from hybrid.corpus.passages import PassageSet
from hybrid.models import embedded_as, resolve
from hybrid.prompting.settled import prompt_inputs, settled


def prompt_path(root: Path) -> Path:
    """Where the choice lies."""
    return root / "prompt"


def settle_prompt(root: Path, config: Config, passages: PassageSet, *, tuned: bool = False) -> Config:
    """The configuration, `answering.style: auto` replaced by what was chosen, `answering.reading: auto` by what suits
    the generator: a `tuned` one reads passages together, as it was trained.
    """
    settled_ = settled(config, prompt_path(root), lambda: choice_inputs(config, passages))
    if config.answering.reading != "auto":
        return settled_
    generator = config.generator
    model = embedded_as(generator.model, "generator") if generator.kind == "local" and not tuned else None
    reading = "apart" if model and model.reads_apart else "together"
    return settled_.model_copy(update={"answering": settled_.answering.model_copy(update={"reading": reading})})


def choice_inputs(config: Config, passages: PassageSet) -> dict[str, str]:
    """What a choice rests on: dev's questions and the base generator, by its weights or its name at a server."""
    if config.generator.kind == "openai":
        return prompt_inputs(passages.questions, make_served(config, tuned=False).fingerprint)
    return prompt_inputs(passages.questions, sha256_tree(resolve(config.generator.model, "generator")))
