"""hybrid serve"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from hybrid.cli import show
from hybrid.cli.options import SystemChoice, json_option, open_workspace, system_option, workspace_options

_IN_WORKSPACE = ""


@click.command()
@workspace_options
@system_option
@click.option(
    "--socket",
    "path",
    is_flag=False,
    flag_value=_IN_WORKSPACE,
    default=_IN_WORKSPACE,
    metavar="[PATH]",
    help="Unix domain socket that only you can open. [default: serve.sock in the workspace]",
)
@json_option
def serve(system: SystemChoice, path: str, as_json: bool, **options: Any) -> None:
    """Keep index and models loaded, and answer `hybrid query` on the same workspace; Ctrl+C ends it.

    What changes on disk is noticed: it is loaded anew. With another configuration `hybrid query` answers by itself.

    \b
    Example:
      hybrid serve --corpus corpora/pumps --socket
    """
    from hybrid.serving.client import SOCKET
    from hybrid.serving.server import Resident, open_server

    workspace = open_workspace(**options)
    place = Path(path) if path else workspace.root / SOCKET
    # whoever stops it in another way than by Ctrl+C wants the socket gone as well
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with open_server(place, lambda: Resident(workspace, system, show.note)) as server:
            chosen = server.resident.system
            if as_json:
                show.as_json({"socket": str(place), "system": chosen, "pid": os.getpid()})
            else:
                click.echo(f"ready: {place} ({chosen} system)")
                show.note("Ctrl+C ends")
            sys.stdout.flush()
            server.serve_forever()
    except KeyboardInterrupt:
        show.note("ended")


COMMANDS = {"serve": serve}
