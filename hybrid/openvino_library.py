"""OpenVINO, imported so that it tells nobody what is done with it, and so that several threads may use it at once."""

import sys
import threading
from functools import cache
from typing import Any

_LOCK = threading.Lock()


def import_openvino() -> Any:
    """The library with its converter, which would report every conversion to its maker, unasked, could it import what
    it reports with. Whoever calls this first sets up what arrays need; others wait for it.
    """
    with _LOCK:
        return _load()


@cache
def _load() -> Any:
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    _set_up_arrays(openvino)
    return openvino


def _set_up_arrays(openvino: Any) -> None:
    """Make an array of a tensor and a tensor of an array: the first time, the library looks NumPy up and fills a table
    of types. It gives up the interpreter's lock meanwhile, but not the table's: a second thread that came to the table
    then would wait for it with the interpreter's lock in hand, both for ever.
    """
    import numpy as np

    _ = openvino.Tensor(np.zeros(1, dtype=np.int64)).data
