"""A folder of documents that repeat each other, and passages made of a folder."""

from pathlib import Path
from typing import Any

from hybrid.config import CorpusConfig
from hybrid.corpus.ingest import build_passages
from hybrid.corpus.passages import CorpusFolder, PassageSet

BODY = (
    "Before the pump is started for the first time the casing must be filled with liquid, the suction valve opened "
    "wholly, the discharge valve opened by a quarter, and the direction of rotation checked by a short start. "
    "Afterwards the gland is tightened evenly until only a drop falls every now and then, and the strainer is cleaned."
)


def build(corpus: Path, target: Path, cache: Path | None = None, **settings: Any) -> PassageSet:
    folder = CorpusFolder(corpus)
    manifest = build_passages(
        folder,
        CorpusConfig(**{"chunk_tokens": 48, **settings}),
        tokenize=str.split,
        max_tokens=64,
        target=target,
        inputs={"corpus": folder.content_id(CorpusConfig()), "tokenizer": "words"},
        cache=cache,
    )
    return PassageSet(target, manifest)


def write_corpus(tmp_path: Path) -> Path:
    """Four documents, the later three of them the first one again: copied, reworded in one place, of other figures."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.md").write_text(f"# Start\n\n{BODY} It takes 20 minutes.\n")
    (folder / "b.md").write_text(f"# Start\n\n{BODY}  It takes\n20 minutes.\n")
    (folder / "c.md").write_text(f"# Start\n\n{BODY} It takes 20 minutes. Be careful.\n")
    (folder / "d.md").write_text(f"# Start\n\n{BODY} It takes 30 minutes.\n")
    (folder / "e.md").write_text(f"# Stop\n\n{BODY} It takes 20 minutes.\n")
    return folder


def documents_of(built: PassageSet) -> set[str]:
    return {passage.document_id for passage in built.passages}
