"""Options that several commands share, and the workspace that they describe."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from hybrid.lifecycle.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])
SystemChoice = Literal["live", "base", "embedder", "adapter", "tuned"]

DEFAULT_CORPUS = Path("corpora/pumps")


def _configuration(_context: click.Context, _option: click.Parameter, named: Path | None) -> Path | None:
    from hybrid.resources import find_configuration

    return None if named is None else find_configuration(named)


config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    callback=_configuration,
    default=None,
    help="YAML file, or a bundled one: default, gpu-qlora, openai-compatible, pumps. Without it: as `hybrid config` "
    "prints.",
)
set_option = click.option("--set", "overrides", multiple=True, metavar="STAGE.KEY=VALUE", help="Override one key.")


def workspace_options(command: F) -> F:
    """--corpus, --config, --set and --workspace."""
    corpus = click.option(
        "--corpus",
        type=click.Path(path_type=Path),
        default=DEFAULT_CORPUS,
        show_default=True,
        help="Folder with documents/ or passages.jsonl, and questions.",
    )
    return corpus(settings_options(command))


def settings_options(command: F) -> F:
    """--config, --set and --workspace, for a command that names the corpus in another way."""
    for decorate in reversed(
        [
            config_option,
            set_option,
            click.option(
                "--workspace",
                "root",
                type=click.Path(path_type=Path),
                default=None,
                help="Folder of the artefacts. [default: indexes/<corpus name>]",
            ),
        ]
    ):
        command = decorate(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout instead of text.")
force_option = click.option(
    "--force", is_flag=True, help="Train against the preflight and with less than the rule asks for."
)
system_option = click.option(
    "--system",
    type=click.Choice(["live", "base", "embedder", "adapter", "tuned"]),
    default="live",
    show_default=True,
    help="live: tuned once anything is, else base; embedder: only that is tuned; adapter: all, but not merged.",
)


def open_workspace(
    corpus: Path,
    config_path: Path | None,
    overrides: tuple[str, ...],
    root: Path | None,
    *,
    reads_corpus: bool = True,
) -> "Workspace":
    """The workspace that the options describe. Raises `InputError` where the corpus is read and is not there: before
    anything is loaded, and before a folder is made for what cannot be.
    """
    from hybrid.config_file import load_config
    from hybrid.corpus.passages import CorpusFolder
    from hybrid.lifecycle.workspace import Workspace

    config = load_config(config_path, overrides)
    folder = CorpusFolder(corpus)
    if reads_corpus:
        folder.require()
    return Workspace(workspace_root(corpus, root), folder, config)


def workspace_root(corpus: Path, root: Path | None) -> Path:
    """The workspace's folder, named or by default."""
    return root or Path("indexes") / corpus.resolve().name
