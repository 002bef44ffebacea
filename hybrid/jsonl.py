"""JSON lines, read with file and line in every error, written whole or not at all."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from hybrid.artifacts import write_text
from hybrid.controls import has_controls
from hybrid.errors import InputError

_CHUNK = 1 << 20
_HALVES = "half a character (a lone surrogate) that no file can hold", "write UTF-8, or both halves"


def read_jsonl(
    path: Path,
    *,
    appended: bool = False,
    max_line_bytes: int = 0,
    skip: Callable[[int, str], None] | None = None,
    mended: bool = False,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers (from 1) and objects; blank lines are passed over. Raises `InputError` at the first bad line.

    With `appended` (a file that grows line by line) a last line without its line end, which a kill left, is none. With
    `skip`, lines above `max_line_bytes` and those nested too deeply are told to it and passed over instead. Halves of
    surrogate pairs, which no file can hold, are refused, unless what is read is `mended` by whoever reads it.
    """
    if not path.is_file():
        raise InputError(path, "no such file")
    with path.open("rb") as stream:
        for number, raw in enumerate(_lines(stream, max_line_bytes), start=1):
            if raw is None:
                if skip is not None:
                    skip(number, f"longer than {max_line_bytes / 1e6:.0f} MB")
                continue
            if appended and not raw.endswith(b"\n"):
                return
            try:
                # some editors write a mark before the first line
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(path, f"not UTF-8 ({error.reason})", "save the file as UTF-8", line=number) from None
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:
                remedy = "each line must be one JSON object; mend this one"
                raise InputError(
                    path, f"malformed JSON at column {error.colno}: {error.msg}", remedy, line=number
                ) from None
            except ValueError as error:
                # Python reads no number of more than 4,300 digits
                raise InputError(path, f"malformed JSON: {str(error)[:80]}", "mend this line", line=number) from None
            except RecursionError:
                if skip is None:
                    raise InputError(path, "nested too deeply", "mend this line", line=number) from None
                skip(number, "nested too deeply")
                continue
            if not mended and b"\\ud" in raw.lower() and _has_halves(value):
                raise InputError(path, *_HALVES, line=number)
            if not isinstance(value, dict):
                raise InputError(path, "the line is not a JSON object", 'write {"id": …}', line=number)
            yield number, value


def _has_halves(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def read_json(path: Path, remedy: str = "mend the file") -> Any:
    """A file that is one JSON document. Raises `InputError`, with the line where that is known."""
    try:
        # some editors write a mark before the first line
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise InputError(path, f"malformed JSON: {error.msg}", remedy, line=error.lineno) from None
    except UnicodeDecodeError as error:
        raise InputError(path, f"not UTF-8 ({error.reason})", "save the file as UTF-8") from None
    except (ValueError, RecursionError) as error:
        # Python reads no number of more than 4,300 digits
        told = "nested too deeply" if isinstance(error, RecursionError) else f"malformed JSON: {error}"
        raise InputError(path, told, remedy) from None
    if _has_halves(value):
        raise InputError(path, *_HALVES)
    return value


def _lines(stream: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """Lines with their ends; None for one above the limit, of which never more than a piece is in memory."""
    if not limit:
        yield from stream
        return
    while raw := stream.readline(limit + 1):
        if len(raw) <= limit:
            yield raw
            continue
        while raw and not raw.endswith(b"\n"):
            raw = stream.readline(_CHUNK)
        yield None


def write_jsonl(path: Path, records: Iterable[Mapping[str, Any]]) -> int:
    """Write one object a line, keys in the order given; returns how many."""
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    write_text(path, "".join(line + "\n" for line in lines))
    return len(lines)


def identity(path: Path, line: int, record: Mapping[str, Any], name: str = "id") -> str:
    """An id, which must be able to stand in a table: our exports can be imported again."""
    value: str = field(path, line, record, name, str)
    if has_controls(value):
        problem = f"the id {value!r} holds a tab, a line end or another control character"
        raise InputError(path, problem, "tables are kept by ids: leave it out", line=line)
    return value


def field(path: Path, line: int, record: Mapping[str, Any], name: str, kind: type, default: Any = None) -> Any:
    """A field of a record, checked for its type. Without a default it must be there."""
    if name not in record:
        if default is not None:
            return default
        raise InputError(path, f"no field {name!r}", f"add it to this line ({kind.__name__})", line=line)
    value = record[name]
    if not isinstance(value, kind):
        raise InputError(
            path, f"field {name!r} is {type(value).__name__}, not {kind.__name__}", "mend this line", line=line
        )
    return value
