"""FAISS indexes to and from files, with errors that say what is wrong."""

from pathlib import Path
from typing import Any

from hybrid.errors import IntegrityError

REBUILD = "delete the index's folder and run `hybrid index` again"


def write_faiss(index: Any, file: Path) -> None:
    """Write a FAISS index. Raises `OSError` where the disk is full: FAISS's own writer loses what went wrong."""
    import faiss

    # its type stubs do not know this class
    writer = vars(faiss)["PyCallbackIOWriter"]
    with file.open("wb") as stream:
        faiss.write_index(index, writer(stream.write))


def read_faiss(file: Path, *, mapped: bool) -> Any:
    """Read a FAISS index, or map what of it can be mapped. Raises `IntegrityError` where it is missing or damaged."""
    import faiss

    try:
        return faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
    except RuntimeError as error:
        raise IntegrityError(f"{file}: missing or damaged", REBUILD) from error
