"""Questions and passages of a machine, a page that is served in this process, and a browser that looks at it."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.review.evidence import Shelf
from hybrid.review.labels import Label, labels_folder, open_log, read_labels
from hybrid.review.question_file import Item, read_items
from hybrid.review.server import ReviewServer
from hybrid.review.session import Session
from hybrid.types import Passage

QUOTE = "The bare Alder weighs 40 kg."
PASSAGES = (
    Passage("alder#1", f"{QUOTE} Its crate weighs 6 kg.", "Alder", "Weight", "alder.md", "alder.md"),
    Passage("alder#2", "Change the oil every 90 hours. The sump holds", "Alder", "Oil", "alder.md", "alder.md"),
    Passage("alder#3", "two litres of oil. It may reach 70 degrees.", "Alder", "Oil", "alder.md", "alder.md"),
)
SCRIPT = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def row(number: int, **changed: Any) -> dict[str, Any]:
    """A record of the file."""
    return {
        "id": f"q{number}",
        "question": f"How heavy is the bare Alder, asked {number}?",
        "answers": ["40 kg"],
        "evidence": [{"source": "alder.md", "quote": QUOTE}],
        "split": "train",
        "persona": "fitter",
        **changed,
    }


@dataclass
class Desk:
    """A question file and its workspace."""

    file: Path
    workspace: Path

    def write(self, *rows: dict[str, Any]) -> list[Item]:
        """Replace the question file."""
        self.file.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
        return self.items()

    def items(self) -> list[Item]:
        """What the file holds."""
        return read_items(self.file)

    def path(self, reviewer: str) -> Path:
        """A reviewer's labels."""
        return labels_folder(self.workspace, self.file) / f"{reviewer}.jsonl"

    def labels(self, reviewer: str) -> list[Label]:
        """Labels that were not taken back."""
        return read_labels(self.path(reviewer))

    def label(self, reviewer: str, *labels: Label) -> None:
        """Append labels; each is made to speak of the record as it is now, unless it names one."""
        digests = {item.question.id: item.digest for item in self.items()}
        with open_log(self.path(reviewer)) as log:
            for label in labels:
                log.append(label if label.record else replace(label, record=digests[label.id]))

    @contextmanager
    def serve(self, reviewer: str = "anna") -> Iterator[ReviewServer]:
        """The page, served until the block ends."""
        with open_log(self.path(reviewer)) as log:
            session = Session(self.items(), log, Shelf(PASSAGES))
            with ReviewServer(session, file=self.file.name, reviewer=reviewer) as server:
                thread = threading.Thread(target=server.serve_forever, args=(0.01,))
                thread.start()
                try:
                    yield server
                finally:
                    server.shutdown()
                    thread.join()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Four questions, nothing reviewed."""
    made = Desk(tmp_path / "made.jsonl", tmp_path / "workspace")
    made.write(*(row(number) for number in range(4)))
    return made


Opened = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def opened(browser: Any) -> Opened:
    """A page at an address; what the console says, unless expected, and requests to anywhere else are failures."""

    @contextmanager
    def open_page(url: str, scheme: str = "light", width: int = 1280, expected: str = "") -> Iterator[Any]:
        problems: list[str] = []
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda r: None if r.url.startswith((url, "data:")) else problems.append(r.url))
        page.goto(url)
        page.wait_for_selector("main[aria-busy=false]")
        yield page
        context.close()
        assert [problem for problem in problems if not expected or expected not in problem] == []

    return open_page
