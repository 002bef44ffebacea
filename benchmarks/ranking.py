"""Ranking of a whole split: searching is cheap, so that it need not be measured on a sample as answers are."""

from typing import Any

from hybrid.artifacts import require
from hybrid.corpus.passages import PassageSet
from hybrid.evaluation.questions import sample
from hybrid.evaluation.system import rank
from hybrid.lifecycle.workspace import SystemName, Workspace


def ranking_rows(workspace: Workspace, system: SystemName) -> list[dict[str, Any]]:
    """A row of ranking figures for every question of the split."""
    path = workspace.root / "passages"
    passages = PassageSet(path, require(path, "hybrid index"))
    asked = sample(passages.questions, workspace.config.evaluation.split, 0, workspace.config.seed)
    return rank(workspace.pipeline(system), asked, workspace.config)[1]
