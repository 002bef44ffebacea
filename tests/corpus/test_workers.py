"""Documents done by several processes: the same values in the same order, whatever happens to a process."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from hybrid.corpus.memo import Memo
from hybrid.corpus.workers import Workers
from hybrid.types import Document

DOCUMENTS = [Document(f"d{number}", f"text {number}", f"d{number}.md") for number in range(700)]
VALUES = [[f"d{number}", 5 + len(str(number))] for number in range(700)]


def size(document: Document) -> list[Any]:
    return [document.id, len(document.text)]


def size_and_process(document: Document) -> list[Any]:
    return [*size(document), os.getpid()]


def dying(flag: Path, document: Document) -> list[Any]:
    """Kills the process that is the first to come to a late document."""
    if document.id == "d600" and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return size(document)


def key(document: Document) -> object:
    return ["test", document.id]


def test_many_documents_are_done_by_several_processes_in_order() -> None:
    with Workers(Memo()) as workers:
        found = list(workers.each(iter(DOCUMENTS), parts=key, make=size_and_process))
    assert [document for document, _ in found] == DOCUMENTS
    assert [value[:2] for _, value in found] == VALUES
    processes = {value[2] for _, value in found}
    assert found[0][1][2] == os.getpid() and (len(processes) > 1 or os.cpu_count() == 1)


def test_what_the_memo_holds_is_not_done_again(tmp_path: Path) -> None:
    memo = Memo(tmp_path / "memo.sqlite")
    memo.put(key(DOCUMENTS[3]), ["kept", 0])
    with Workers(memo) as workers:
        found = [value for _, value in workers.each(DOCUMENTS, parts=key, make=size)]
        again = [value for _, value in workers.each(DOCUMENTS, parts=key, make=partial(dying, tmp_path / "none"))]
    assert found == again == [*VALUES[:3], ["kept", 0], *VALUES[4:]]


def test_a_killed_process_costs_no_document(tmp_path: Path) -> None:
    with Workers(Memo()) as workers:
        found = [value for _, value in workers.each(DOCUMENTS, parts=key, make=partial(dying, tmp_path / "flag"))]
    assert found == VALUES
    assert (tmp_path / "flag").exists()


SLOW = """
import os, time
from tests.corpus.test_workers import DOCUMENTS, key, slow
from hybrid.corpus.memo import Memo
from hybrid.corpus.workers import Workers

with Workers(Memo()) as workers:
    for _, value in workers.each(DOCUMENTS, parts=key, make=slow):
        if value != os.getpid():
            print(value, flush=True)
"""


def slow(document: Document) -> int:
    if int(document.id[1:]) >= 640:
        time.sleep(1)
    return os.getpid()


def test_processes_go_when_the_parent_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", SLOW], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{worker}").exists()
