"""The training of an adapter from its first step to its last, in this process or in each of several."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hybrid.artifacts import write_text
from hybrid.config import Config
from hybrid.tuning.launcher import is_launched, launch
from hybrid.tuning.raft_trainer import build_trainer, last_whole_checkpoint, read_examples
from hybrid.tuning.step_clock import step_clock

COURSE = "course.json"


@dataclass(frozen=True)
class Course:
    """What training did. `log_history` as transformers keeps it, `seconds` of each step of this run."""

    log_history: list[dict[str, Any]]
    best_global_step: int | None
    global_step: int
    trainable_parameters: int
    compute: str
    seconds: list[float]


def run_course(base: Path, raft: Path, config: Config, checkpoints: Path) -> Course:
    """Train to the end, from the last whole checkpoint if there is one, in as many processes as configured."""
    resume = last_whole_checkpoint(checkpoints)
    job: dict[str, Any] = {"base": base, "raft": raft, "config": config, "checkpoints": checkpoints, "resume": resume}
    if not is_launched(config.train_raft):
        return train_course(**job)
    launch("generator", job, config.train_raft, checkpoints)
    return Course(**json.loads((checkpoints / COURSE).read_text(encoding="utf-8")))


def train_course(base: Path, raft: Path, config: Config, checkpoints: Path, resume: Path | None) -> Course:
    """Train in this process, which may be one of several; the first one writes `COURSE`."""
    examples = {split: read_examples(raft / f"{split}.jsonl") for split in ("train", "dev")}
    trainer = build_trainer(base, examples, config, checkpoints)
    clock = step_clock(trainer)
    # on a fresh start the adapter is still zero: this evaluation is the base's
    trainer.args.eval_on_start = resume is None
    trainable = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    trainer.train(resume_from_checkpoint=str(resume) if resume else None)
    course = Course(
        log_history=[entry for entry in trainer.state.log_history if "eval_loss" in entry],
        best_global_step=trainer.state.best_global_step,
        global_step=int(trainer.state.global_step),
        trainable_parameters=trainable,
        compute="bfloat16" if trainer.args.bf16 else "float32",
        seconds=clock.seconds,
    )
    if is_launched(config.train_raft) and trainer.is_world_process_zero():
        write_text(checkpoints / COURSE, json.dumps(asdict(course)))
    return course
