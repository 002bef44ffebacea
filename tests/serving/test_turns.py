"""The queue of those who ask."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from hybrid.serving import turns
from hybrid.serving.turns import Turns


class Guest:
    """Comes when it is called, and leaves when it is told its place if it `leaves`."""

    def __init__(self, queue: Turns, name: str, had: list[str], *, leaves: bool = False) -> None:
        self.told: list[int] = []
        self.came = threading.Event()
        self._queue, self._name, self._had, self._leaves = queue, name, had, leaves

    def tell(self, before: int) -> None:
        self.told.append(before)
        if self._leaves and len(self.told) > 1:
            raise ConnectionAbortedError
        self.came.set()

    def come(self) -> None:
        with self._queue.turn(self.tell):
            self._had.append(self._name)


def test_turns_come_in_order_and_who_left_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SIGN_S", 60.0)
    queue, had = Turns(), list[str]()
    guests = [Guest(queue, name, had, leaves=name == "b") for name in "abcd"]
    with ThreadPoolExecutor(4) as crowd:
        with queue.turn(lambda before: None):
            comings = []
            for guest in guests:
                comings.append(crowd.submit(guest.come))
                assert guest.came.wait(10)
        errors = [coming.exception(10) for coming in comings]
    assert had == ["a", "c", "d"]
    assert [type(error) for error in errors] == [type(None), ConnectionAbortedError, type(None), type(None)]
    assert [guest.told[0] for guest in guests] == [1, 2, 3, 4]
    assert guests[3].told[-1] == 0


def test_who_waits_is_told_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SIGN_S", 0.01)
    queue, had = Turns(), list[str]()
    guest, enough = Guest(queue, "a", had), threading.Event()
    with ThreadPoolExecutor(1) as crowd:
        with queue.turn(lambda before: None):
            coming = crowd.submit(guest.come)
            while len(guest.told) < 5:
                assert not enough.wait(0.01)
            assert had == []
        coming.result(10)
    assert guest.told[:5] == [1] * 5 and guest.told[-1] == 0
