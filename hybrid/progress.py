"""Progress bars on stderr, the same everywhere; silent where stderr is not a terminal and the work is short."""

import sys
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], *, total: int, description: str) -> Iterator[T]:
    """Yield the items under a bar with rate and time left."""
    from tqdm.auto import tqdm

    quiet_interval = 0.2 if sys.stderr.isatty() else 10.0
    with tqdm(total=total, desc=description, file=sys.stderr, mininterval=quiet_interval, leave=True) as bar:
        for item in items:
            yield item
            bar.update(1)


@cache
def tell_once(text: str) -> None:
    """A line on stderr, the first time that a process has it to say."""
    print(text, file=sys.stderr)
