"""The audit from the command line."""

import json
from pathlib import Path

from tests.cli.conftest import Place


def test_the_command_writes_a_page_and_a_proposed_set_and_touches_nothing(place: Place) -> None:
    file = place.corpus / "questions.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    first = next(row for row in rows if row["split"] == "train" and row["answers"])
    rows.append({**first, "id": "copy", "question": f"Please tell me, {first['question'].lower()}", "note": "kept"})
    text = "".join(json.dumps(row) + "\n" for row in rows)
    file.write_text(text)
    result = place.run("audit", "--json")
    assert result.code == 0, result.err
    told = json.loads(result.out)
    assert told["kinds"]["DUPLICATE"] == 1
    proposed = Path(place.folder / told["proposed"])
    kept = [json.loads(line) for line in (proposed / "questions.jsonl").read_text().splitlines()]
    assert [row["id"] for row in kept] == [row["id"] for row in rows if row["id"] != "copy"]
    (dropped,) = [json.loads(line) for line in (proposed / "dropped.jsonl").read_text().splitlines()]
    assert dropped["id"] == "copy" and dropped["note"] == "kept" and "DUPLICATE" in dropped["reason"]
    assert file.read_text() == text
    page = (place.folder / told["report"]).read_text()
    assert "http" not in page.replace("http://www.w3.org", "") and "DUPLICATE" in page
    # not ready, and a script can see it
    assert told["sentence"].startswith("Mend the data first: 1 of 69") and told["ready"] is False
    short = json.loads(place.run("audit", "--json", "--for", "dpo").out)
    assert short["sentence"].startswith("Not ready") and short["ready"] is False
    assert place.run("audit", "--strict").code == 2


def test_training_files_are_audited_and_a_cleaned_one_is_proposed(indexed: Place) -> None:
    questions = [json.loads(line) for line in (indexed.corpus / "questions.jsonl").read_text().splitlines()]
    held = next(row["question"] for row in questions if row["split"] == "test" and row["answers"])
    pairs = [{"anchor": f"Which colour is lid {i}?", "positive": f"Lid {i} is green."} for i in range(25)]
    file = indexed.folder / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in [*pairs, {**pairs[0], "anchor": held}]))
    told = indexed.run("audit", "--json", "--pairs", str(file)).document()
    assert told["kinds"] == {"LEAK": 1} and told["requirements"][0]["have"] == 26
    kept = (indexed.folder / told["proposed"]).read_text().splitlines()
    assert [json.loads(line) for line in kept] == pairs
    text = indexed.run("audit", "--pairs", str(file))
    assert "pairs.jsonl:26: LEAK" in text.out and indexed.run("audit", "--strict", "--pairs", str(file)).code == 2
    # examples as training writes them, read back
    assert indexed.run("train-raft").code == 0
    raft = str(indexed.workspace / "raft" / "train.jsonl")
    told = indexed.run("audit", "--json", "--raft", raft, "--method", "raft").document()
    # one of the general instructions is to count to nothing
    assert set(told["kinds"]) <= {"EMPTY"} and told["num_rows"] >= 10
    missing = indexed.run("audit", "--raft", "nowhere.jsonl")
    assert missing.code == 2 and "nowhere.jsonl: no such file" in missing.err
    both = indexed.run("audit", "--raft", raft, "--pairs", str(file))
    assert both.code == 2 and "one file at a time" in both.err


def test_the_generator_is_asked_without_passages_once(indexed: Place) -> None:
    told = indexed.run("audit", "--json", "--closed-book", "7").document()
    assert told["closed_book"]["share"]["num"] == 7 and told["closed_book"]["source"].startswith("asked ")
    again = indexed.run("audit", "--json", "--closed-book", "7")
    assert again.document() == told and "answering" not in again.err
    assert indexed.run("audit", "--json").document()["closed_book"] is None, "nobody was asked"
    shown = indexed.run("audit", "--closed-book", "7")
    assert "answered without passages" in shown.out and "gold answers likely wrong" in shown.out
