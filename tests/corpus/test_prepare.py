"""Documents that workers look at and cut are those of one process, byte for byte."""

import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hybrid.config import CorpusConfig
from hybrid.corpus import ingest as ingest_module
from hybrid.corpus import load as load_module
from hybrid.corpus import prepare as prepare_module
from hybrid.corpus.chunk import Cutter
from hybrid.corpus.ingest import build_passages
from hybrid.corpus.memo import Memo
from hybrid.corpus.passages import CorpusFolder
from hybrid.corpus.workers import Workers
from hybrid.errors import InputError
from hybrid.retrieval.sentence_embedder import SentenceEmbedder
from hybrid.retrieval.token_ids import TokenIds, read_tokenizer
from hybrid.types import Document
from tests.hostile_readers import cut_words, pid
from tests.ingested import BODY

GERMAN = (
    "Vor dem ersten Start muss das Gehäuse mit Flüssigkeit gefüllt sein, die Saugklappe ganz und die Druckklappe "
    "zu einem Viertel geöffnet werden, und die Drehrichtung ist durch kurzes Anlaufen zu prüfen. "
)
TABLE = "| part | kg |\n| --- | --- |\n" + "\n".join(f"| ring {n} | {n} |" for n in range(30))
MENU = "<p>Sign up for the newsletter of the pump works today</p>"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Of every way that a document comes: read alone, read with others that repeat, as a record, not at all."""
    folder = tmp_path / "corpus"
    (folder / "pages").mkdir(parents=True)
    files = {
        "a.md": f"# Start\n\n{BODY} It takes 20 minutes.\n\n## Parts\n\n{TABLE}\n",
        "b.md": f"# Start\n\n{BODY} It takes 20 minutes.\n\n## Parts\n\n{TABLE}\n",
        "c.md": f"# Start\n\n{BODY} It takes 20 minutes. Be careful.\n\n## Parts\n\n{TABLE}\n",
        "d.md": "---\nowner: Ada\n---\n\n# Secrets\n\nMail ada@pump.example, password = 'Zx81kLpq99'.\n",
        "e.txt": (GERMAN + "\n\n") * 9,
        "f.txt": " \n",
        "g.rst": f"Start\n=====\n\n{BODY}\n",
        "h.csv": "name,kg\n" + "".join(f"pump {n},{n}\n" for n in range(12)),
        "i.eml": f"From: a@pump.example\nSubject: Seals\n\n{BODY}\n",
        "j.docx": "no document",
        "k.jsonl": "".join(json.dumps({"id": f"k{n}", "text": f"{BODY} {n} kg.", "year": n}) + "\n" for n in range(9)),
        "l.md": "Ã¼ber die Pumpe: das GehÃ¤use ist dicht.\n\n" + "word " * 300,
        **{f"pages/{n}.html": f"<h1>Page {n}</h1><p>{BODY} {n} bar.</p>{MENU}" for n in range(7)},
        **{f"z{n:02}.md": f"# Pump {n}\n\nIt weighs {n} kg. {BODY * (n % 4)}\n" for n in range(20)},
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def cut_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Documents that this process cuts."""
    cut: list[str] = []
    plain = Cutter.cut

    def cut_now(cutter: Cutter, document: Document) -> Any:
        cut.append(document.id)
        return plain(cutter, document)

    monkeypatch.setattr(Cutter, "cut", cut_now)
    yield cut


def made(
    corpus: Path,
    target: Path,
    *,
    workers: int,
    many: int,
    tokenize: Callable[[str], list[Any]] = str.split,
    cache: Path | None = None,
    **settings: Any,
) -> dict[str, bytes]:
    """What is written, by its name."""
    folder = CorpusFolder(corpus)
    config = CorpusConfig(**{"chunk_tokens": 48, "overlap_tokens": 8, **settings})
    inputs = {"corpus": folder.content_id(config), "tokenizer": "words"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load_module, "Workers", partial(Workers, workers))
        patch.setattr(ingest_module, "_MANY", many)
        build_passages(folder, config, tokenize=tokenize, max_tokens=64, target=target, inputs=inputs, cache=cache)
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def test_the_bytes_are_the_same_wherever_documents_are_prepared(
    corpus: Path, tmp_path: Path, cut_here: list[str]
) -> None:
    here = made(corpus, tmp_path / "here", workers=1, many=0)
    whole = list(cut_here)
    warnings = json.loads(here["manifest.json"])["facts"]["warnings"]
    # what was written for it is in the corpus: all ways are compared
    assert len(whole) > 40 and {"a.md", "h.csv", "k3", "pages/3.html"} <= set(whole)
    for told in ("secrets", "boilerplate", "b.md: left out, the same", "c.md: left out, nearly", "j.docx: skipped"):
        assert any(told in warning for warning in warnings), told
    cut_here.clear()
    assert made(corpus, tmp_path / "by-2", workers=2, many=0) == here
    assert cut_here == []
    # of a later build from the tenth on; of few documents none
    cache = tmp_path / "documents.sqlite"
    with closing(Memo(cache)) as memo:
        memo.keep("of an earlier build", 1)
    assert made(corpus, tmp_path / "later", workers=2, many=10, cache=cache) == here
    assert 0 < len(cut_here) < len(whole)
    cut_here.clear()
    assert made(corpus, tmp_path / "few", workers=2, many=1000) == here
    assert cut_here == whole
    cut_here.clear()
    assert made(corpus, tmp_path / "bound", workers=2, many=0, tokenize=lambda text: text.split()) == here
    assert cut_here == whole, "a tokenizer that cannot be named is used where it is"


def test_a_later_build_takes_what_workers_made(corpus: Path, tmp_path: Path, cut_here: list[str]) -> None:
    cache = tmp_path / "documents.sqlite"
    made(corpus, tmp_path / "first", workers=2, many=0, cache=cache)
    (corpus / "z05.md").write_text("# Pump 5\n\nIt weighs 55 kg.\n")
    again = made(corpus, tmp_path / "again", workers=2, many=1, cache=cache)
    assert cut_here == ["z05.md"], "one that is new is not worth a worker's start"
    assert again == made(corpus, tmp_path / "anew", workers=1, many=0)


def test_what_a_worker_dies_of_while_it_prepares_is_made_here_and_nothing_is_left_out(
    corpus: Path, tmp_path: Path, cut_here: list[str]
) -> None:
    (corpus / "m.md").write_text(f"# Mixed\n\nA crash of the pump. {BODY}\n")
    (corpus / "n.jsonl").write_text(json.dumps({"id": "n", "text": "A crash of another one."}) + "\n")
    (corpus / "o.md").write_text("# Ordinary\n\nA feast for all.\n")
    settings: dict[str, Any] = {"max_read_memory_mb": 300, "max_read_seconds": 30}
    here = made(corpus, tmp_path / "here", workers=1, many=0, tokenize=cut_words, **settings)
    cut_here.clear()
    assert made(corpus, tmp_path / "by-2", workers=2, many=0, tokenize=cut_words, **settings) == here
    assert cut_here == ["m.md", "n"], "what takes more memory than reading may is made by a worker all the same"


def test_what_makes_a_worker_ready_is_in_no_documents_limits(corpus: Path, tmp_path: Path, cut_here: list[str]) -> None:
    # what it imports takes over 100 MB
    settings: dict[str, Any] = {"max_read_memory_mb": 50}
    here = made(corpus, tmp_path / "here", workers=1, many=0, **settings)
    cut_here.clear()
    assert made(corpus, tmp_path / "by-2", workers=2, many=0, **settings) == here
    assert cut_here == []


def test_a_tokenizer_is_handed_over_by_its_folder(minilm: SentenceEmbedder, tmp_path: Path) -> None:
    cutting = prepare_module.Preparation(None, minilm.tokenize, "", 48, 0).cutting  # type: ignore[arg-type]
    assert cutting is not None and minilm.folder.name.encode() in cutting.tokenizer
    document = Document("a", f"{BODY} {GERMAN}" * 4, "a", "A", ".txt")
    _, pieces = prepare_module.prepare(document, cutting)
    assert json.loads(pieces) == [list(piece) for piece in Cutter(minilm.tokenize, 48).cut(document)]
    with pytest.raises(TypeError, match="no folder"):
        pickle.dumps(TokenIds(read_tokenizer(minilm.folder)))
    with pytest.raises(InputError, match=r"no tokenizer\.json"):
        read_tokenizer(tmp_path)


def test_a_tokenizer_that_holds_much_is_not_handed_over() -> None:
    class Held:
        def __reduce__(self) -> Any:
            return str, ("x" * 2000,)

        def __call__(self, text: str) -> list[str]:
            return text.split()

    for tokenize in (Held(), lambda text: text.split()):
        assert prepare_module.Preparation(None, tokenize, "", 48, 0).cutting is None  # type: ignore[arg-type]
    assert prepare_module.Preparation(None, str.split, "", 48, 0).cutting is not None  # type: ignore[arg-type]


def test_every_worker_is_made_ready_once() -> None:
    workers = Workers(2)
    try:
        workers.submit(pid).result()
        workers.begin_with(remember, "ready")
        calls = [workers.submit(remembered) for _ in range(8)]
        assert {tuple(call.result()) for call in calls} == {("ready",)}
        assert len(workers._running) == 2
    finally:
        workers.close()


_REMEMBERED: list[str] = []


def remember(word: str) -> None:
    _REMEMBERED.append(word)


def remembered() -> list[str]:
    return _REMEMBERED
