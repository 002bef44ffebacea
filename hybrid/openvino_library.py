"""OpenVINO, imported so that it tells nobody what is done with it."""

import sys
from typing import Any


def import_openvino() -> Any:
    """The library with its converter, which would report every conversion to its maker, unasked, could it import what
    it reports with.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino
