"""The server's socket."""

import shutil
from pathlib import Path
from typing import cast

import pytest

from hybrid.errors import UserError
from hybrid.serving.server import Resident, open_server


def test_a_place_where_no_socket_can_be_bound_is_told(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "serve.sock"

    def load() -> Resident:
        shutil.rmtree(path.parent)
        return cast(Resident, None)

    with pytest.raises(UserError, match="no socket can be made there") as caught, open_server(path, load):
        pass
    assert "--socket" in str(caught.value)
