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
