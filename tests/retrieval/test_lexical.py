"""The lexical index: the formula, ties by id, empty rankings, same bytes, refused when stale."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid.errors import IntegrityError, MissingError, StaleError
from hybrid.retrieval.lexical import K1, B, LexicalIndex, build_lexical, open_lexical
from hybrid.retrieval.word_tokenizer import WordTokenizer
from hybrid.types import Passage

INPUTS = {"passages": "x"}
PLAIN = WordTokenizer(stop_words="none", stemmer="none")
SHELF = [
    Passage("b", "oil pump oil"),
    Passage("a", "pump"),
    Passage("d", "seal", title="TL2-panel"),
    Passage("c", "seal seal ring ring"),
]


def built(folder: Path, passages: list[Passage] = SHELF, tokenizer: WordTokenizer = PLAIN) -> LexicalIndex:
    build_lexical(passages, tokenizer, target=folder / "lexical", inputs=INPUTS)
    return open_lexical(folder / "lexical", tokenizer, inputs=INPUTS)


def bm25(frequency: int, length: int, holding: int, mean: float, num: int = 4) -> float:
    """Lucene's BM25 of one word (Kamphuis et al. 2020), written out."""
    idf = math.log(1 + (num - holding + 0.5) / (holding + 0.5))
    return idf * frequency / (frequency + K1 * (1 - B + B * length / mean))


def test_scores_are_those_of_the_formula_and_headings_count(tmp_path: Path) -> None:
    index = built(tmp_path)
    # lengths: a 1, b 3, c 4, d 4 (tl2-panel, tl2, panel, seal)
    (first, second) = index.rank(["oil pump", "TL2-panel"], 10)
    assert [(hit.passage_id, hit.rank) for hit in first] == [("b", 1), ("a", 2)]
    assert first[0].score == pytest.approx(bm25(2, 3, 1, 3.0) + bm25(1, 3, 2, 3.0), rel=1e-5)
    assert first[1].score == pytest.approx(bm25(1, 1, 2, 3.0), rel=1e-5)
    assert [hit.passage_id for hit in second] == ["d"]
    assert second[0].score == pytest.approx(3 * bm25(1, 4, 1, 3.0), rel=1e-5)
    assert [hit.passage_id for hit in index.rank(["the panel"], 10)[0]] == ["d"], "a part of the name will do"


def test_questions_without_a_known_word_have_an_empty_ranking(tmp_path: Path) -> None:
    index = built(tmp_path)
    assert index.rank(["", "zzz", "?!"], 5) == [[], [], []]
    assert index.rank([], 5) == []
    assert len(index) == 4


def test_passages_without_a_word_are_an_index_that_finds_nothing(tmp_path: Path) -> None:
    index = built(tmp_path, [Passage("a", "…"), Passage("b", "the", title="The")], WordTokenizer())
    assert index.rank(["the seal"], 5) == [[]]


def test_ties_are_broken_by_id_also_where_the_ranking_is_cut(tmp_path: Path) -> None:
    passages = [Passage(f"p{n:02d}", "seal" if n % 2 else "seal ring") for n in reversed(range(40))]
    index = built(tmp_path, passages)
    short = [f"p{n:02d}" for n in range(1, 40, 2)]
    assert [hit.passage_id for hit in index.rank(["seal"], 7)[0]] == short[:7]
    whole = index.rank(["seal"], 100)[0]
    assert [hit.passage_id for hit in whole] == short + [f"p{n:02d}" for n in range(0, 40, 2)]
    assert [hit.rank for hit in whole] == list(range(1, 41))
    for depth in (1, 19, 20, 21, 40):
        assert index.rank(["seal"], depth)[0] == whole[:depth]


def test_nothing_changed_nothing_done_and_what_changed_is_made_anew(tmp_path: Path) -> None:
    built(tmp_path)
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "lexical").iterdir()}
    built(tmp_path)
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "lexical").iterdir()} == before
    build_lexical(SHELF[:2], PLAIN, target=tmp_path / "lexical", inputs={"passages": "y"})
    assert len(open_lexical(tmp_path / "lexical", PLAIN, inputs={"passages": "y"})) == 2
    with pytest.raises(StaleError, match="older than the passages"):
        open_lexical(tmp_path / "lexical", PLAIN, inputs=INPUTS)
    with pytest.raises(StaleError, match="other stop words"):
        open_lexical(tmp_path / "lexical", WordTokenizer(), inputs={"passages": "y"})
    with pytest.raises(MissingError, match="hybrid index"):
        open_lexical(tmp_path / "none", PLAIN, inputs=INPUTS)


def test_the_same_bytes_whatever_the_order_of_sets(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom hybrid.retrieval.lexical import build_lexical\n"
        "from hybrid.retrieval.word_tokenizer import WordTokenizer\nfrom hybrid.types import Passage\n"
        "words = [f'word{n * 7919 % 101} seal pump-{n}' for n in range(60)]\n"
        "build_lexical([Passage(f'p{n}', t) for n, t in enumerate(words)], WordTokenizer(),"
        " target=Path(sys.argv[1]), inputs={})\n"
    )
    contents = []
    for seed in ("1", "2"):
        target = tmp_path / seed
        subprocess.run([sys.executable, "-c", code, str(target)], check=True, env=os.environ | {"PYTHONHASHSEED": seed})
        contents.append({p.name: p.read_bytes() for p in target.iterdir()})
    assert contents[0] == contents[1]
    assert {"manifest.json", "ids.jsonl", "vocab.index.json"} < set(contents[0])


def test_words_of_texts_that_stay_are_taken_over_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = [Passage(f"p{n:03d}", f"word{n * 7919 % 101} seal pump-{n % 7} the rings") for n in range(60)]
    shelf += [Passage("empty", "…"), Passage("same", shelf[3].text)]
    changed = [*shelf[:20], Passage("p999", "a new valve"), *shelf[25:], Passage("p020", "seal of another word")]
    read: list[str] = []
    plain = WordTokenizer.tokenize
    monkeypatch.setattr(WordTokenizer, "tokenize", lambda self, text: read.append(text) or plain(self, text))

    def contents(folder: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}

    build_lexical(shelf, WordTokenizer(), target=tmp_path / "carried", inputs={"passages": "x"})
    assert len(read) == len(shelf)
    read.clear()
    build_lexical(changed, WordTokenizer(), target=tmp_path / "carried", inputs={"passages": "y"})
    assert sorted(read) == ["a new valve", "seal of another word"]
    build_lexical(changed, WordTokenizer(), target=tmp_path / "fresh", inputs={"passages": "y"})
    assert contents("carried") == contents("fresh")
    read.clear()
    build_lexical(changed, WordTokenizer(stemmer="none"), target=tmp_path / "carried", inputs={"passages": "y"})
    assert len(read) == len(changed), "other words are read anew"
    (tmp_path / "carried" / "words.npy").write_bytes(b"")
    read.clear()
    build_lexical(shelf, WordTokenizer(stemmer="none"), target=tmp_path / "carried", inputs={"passages": "x"})
    assert len(read) == len(shelf), "a damaged index vouches for nothing"


def test_damage_is_found(tmp_path: Path) -> None:
    built(tmp_path)
    ids = tmp_path / "lexical" / "ids.jsonl"
    ids.write_text("".join(ids.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(IntegrityError, match=r"ids\.jsonl: truncated or changed"):
        open_lexical(tmp_path / "lexical", PLAIN, inputs=INPUTS)
    with pytest.raises(IntegrityError, match="4 passages but 3 ids"):
        LexicalIndex(tmp_path / "lexical", PLAIN)


def test_among_chosen_ids_words_weigh_as_among_all(tmp_path: Path) -> None:
    index = built(tmp_path)
    whole = index.rank(["oil pump seal"], 10)[0]
    for some in ({"a", "c"}, {"b"}, {"a", "b", "c", "d", "unknown"}):
        found = index.rank(["oil pump seal"], 10, frozenset(some))[0]
        wanted = [hit for hit in whole if hit.passage_id in some]
        assert [(hit.passage_id, hit.score) for hit in found] == [(hit.passage_id, hit.score) for hit in wanted]
        assert [hit.rank for hit in found] == list(range(1, len(wanted) + 1))
    assert index.rank(["oil pump", "seal"], 10, frozenset()) == [[], []]
    assert [hit.passage_id for hit in index.rank(["oil pump seal"], 1, frozenset({"a", "c"}))[0]] == [
        next(hit.passage_id for hit in whole if hit.passage_id in "ac")
    ]
