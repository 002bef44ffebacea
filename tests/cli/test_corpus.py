"""A corpus that changes: removed documents cannot be retrieved or cited, private data is told before anything is
embedded."""

import json

import numpy as np

from hybrid.retrieval.flat_store import FlatStore
from tests.cli.conftest import Place
from tests.tiny_corpus import write_questions


def documents_of(place: Place, question: str) -> set[str]:
    """The documents of everything that a query sees."""
    asked = place.run("query", question, "--json", retrieval__k=24, generator__context_tokens=4000)
    assert asked.code == 0, asked.err
    record = asked.document()
    return {part["passage_id"].partition("#")[0] for part in [*record["context"], *record["citations"]]}


def test_a_removed_document_is_no_longer_retrieved_or_cited(indexed: Place) -> None:
    assert "alder.md" in documents_of(indexed, "How heavy is the bare Alder?")
    before = FlatStore.load(indexed.workspace / "index-base").vectors()
    (indexed.corpus / "documents" / "alder.md").unlink()
    (indexed.corpus / "documents" / "yew.md").write_text("# Yew\n\n## Weight\n\nThe bare Yew weighs 99 kg.\n")
    rows = [json.loads(line) for line in (indexed.corpus / "questions.jsonl").read_text().splitlines()]
    write_questions(indexed.corpus, [r for r in rows if all(e["source"] != "alder.md" for e in r.get("evidence", []))])
    refused = indexed.run("query", "How heavy is the bare Alder?")
    assert refused.code == 2 and "changed since it was indexed" in refused.err
    assert indexed.run("index").code == 0
    found = documents_of(indexed, "How heavy is the bare Alder?")
    assert "alder.md" not in found and "yew.md" in found and len(found) == 6
    ids, vectors = FlatStore.load(indexed.workspace / "index-base").vectors()
    assert not any(name.startswith("alder.md") for name in ids)
    old = dict(zip(*before, strict=True))
    kept = [(old[name], vector) for name, vector in zip(ids, vectors, strict=True) if name in old]
    assert len(kept) == 20 and all(np.array_equal(a, b) for a, b in kept), "vectors that did not change are the same"


def test_diff_lists_what_changed_and_ends_well(indexed: Place) -> None:
    def diff(*names: str) -> dict[str, object]:
        result = indexed.server.run("corpus", "diff", *names, "--json", cwd=indexed.folder)
        assert result.code == 0, result.err
        found = result.document()
        assert isinstance(found, dict)
        return found

    assert diff("corpora/machines")["same"] == 6
    (indexed.corpus / "documents" / "alder.md").unlink()
    (indexed.corpus / "documents" / "birch.md").write_text("# Birch\n\nAnother.\n")
    expected = {"added": [], "removed": ["alder.md"], "changed": ["birch.md"], "same": 4}
    assert diff("corpora/machines") == expected
    other = indexed.folder / "corpora" / "other"
    other.mkdir()
    (other / "new.md").write_text("# New\n\nText.\n")
    assert diff("corpora/machines", "corpora/other") == {
        "added": ["new.md"],
        "removed": ["birch.md", "cedar.md", "dogwood.md", "elm.md", "fir.md"],
        "changed": [],
        "same": 0,
    }
    missing = indexed.server.run("corpus", "diff", "corpora/other", cwd=indexed.folder)
    assert missing.code == 2 and "hybrid index --corpus corpora/other" in missing.err
    text = indexed.server.run("corpus", "diff", "corpora/machines", cwd=indexed.folder)
    assert text.out.splitlines() == ["- alder.md", "~ birch.md", "0 added, 1 removed, 1 changed, 4 the same"]


def test_private_data_is_told_before_anything_is_embedded(place: Place) -> None:
    secret = "AKIAIOSFODNN7EXAMPLE"
    (place.corpus / "documents" / "keys.md").write_text(f"# Keys\n\nThe key is {secret}.\n")
    result = place.run("index")
    assert result.code == 0
    warning = result.err.index(
        "secrets or personal data are in the documents: 1 × secret (AWS Access Key) (first: keys.md:3"
    )
    assert warning < result.err.index("encoding passages")
    assert secret not in result.err + result.out
    assert "private data: 1" in result.out


def test_many_warnings_are_cut_short(place: Place) -> None:
    for number in range(30):
        (place.corpus / "documents" / f"copy{number}.md").write_text("# Copy\n\nThe same text each time.\n")
    result = place.run("index")
    assert result.err.count("warning: ") == 21
    assert "warning: … and 11 more in indexes/machines/passages/manifest.json" in result.err
    stats = place.server.run("corpus", "stats", *place.options(), cwd=place.folder)
    assert stats.code == 0, stats.err
    assert "29 exact, 0 near" in stats.out and ".md" in stats.out


def test_metadata_is_shown_and_counted(place: Place) -> None:
    documents = place.corpus / "documents"
    (documents / "aa.md").write_text("---\nyear: 2024\ntags: [pump, 2]\n---\n# Heron\n\nThe Heron hums.\n")
    (documents / "ab.csv").write_text("model,year\nHeron,2024\nEgret,\n")
    shown = place.run("corpus", "show", "--limit", "2")
    assert shown.code == 0, shown.err
    assert "\n  Heron\n  The Heron hums.\n  year = 2024\n  tags = pump, 2\n" in shown.out
    assert shown.out.endswith("\n  model: Heron | year: 2024\n  model = Heron\n  year = 2024\n")
    records = place.run("corpus", "show", "--limit", "4", "--json").document()["passages"]
    assert [record["metadata"] for record in records] == [
        {"year": 2024, "tags": ["pump", 2]}, {"model": "Heron", "year": "2024"}, {"model": "Egret"}, {},
    ]  # fmt: skip
    assert place.run("corpus", "stats").out.endswith("\nmetadata: 2 model, 1 tags, 2 year\n")
    assert place.run("corpus", "stats", "--json").document()["metadata"] == {"model": 2, "tags": 1, "year": 2}
