"""A situation over the tiny corpus."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.config import Config
from hybrid.corpus.ingest import build_passages
from hybrid.corpus.passages import CorpusFolder, PassageSet
from hybrid.preflight.answers import Method, Situation
from tests.preflight.situations import Make
from tests.tiny_corpus import tiny_corpus


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A situation over the tiny corpus; `task` goes into task.yaml, `questions` are added, settings by section."""

    def build(
        *methods: Method,
        task: dict[str, Any] | None = None,
        questions: tuple[dict[str, Any], ...] = (),
        **settings: Any,
    ) -> Situation:
        folder = tmp_path / "machines"
        if not folder.exists():
            tiny_corpus(folder)
        if task is not None:
            (folder / "task.yaml").write_text(json.dumps(task), encoding="utf-8")
        with (folder / "questions.jsonl").open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps({"id": f"more{i}", **row}) + "\n" for i, row in enumerate(questions))
        corpus, root = CorpusFolder(folder), tmp_path / "workspace"
        root.mkdir(exist_ok=True)
        settings = {"train_embed": {"min_pairs": 20, "min_dev_questions": 8}, **settings}
        config = Config.model_validate(settings)
        manifest = build_passages(
            corpus, config.corpus, tokenize=str.split, max_tokens=64, target=root / "passages",
            inputs={"corpus": corpus.content_id(config.corpus)},
        )  # fmt: skip
        return Situation(root, corpus, config, PassageSet(root / "passages", manifest), methods or ("embed", "raft"))

    return build
