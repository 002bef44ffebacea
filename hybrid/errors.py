"""What can go wrong, told so that the reader knows what to do next.

A `HybridError` is printed as its message and its remedy, without a traceback. Exit code 2 means that the input or the
call must change; exit code 1 means that the fault is ours or the machine's.
"""

from pathlib import Path

_LONGEST_LINE = 600
_MOST_LINES = 60


def shortened(text: str) -> str:
    """The text without the middle of lines that nobody reads to their end, as where a message quotes a whole file."""
    lines = text.split("\n")
    if len(lines) > _MOST_LINES:
        half = _MOST_LINES // 2
        lines[half:-half] = [f"… {len(lines) - _MOST_LINES} more lines …"]
    return "\n".join(
        f"{line[:400]} … {len(line) - 500:,} more characters … {line[-100:]}" if len(line) > _LONGEST_LINE else line
        for line in lines
    )


class HybridError(Exception):
    """A failure with a remedy. `exit_code` is 1: not the user's mistake. Both are shortened: messages quote values."""

    exit_code = 1

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(shortened(problem))
        self.problem = shortened(problem)
        self.remedy = shortened(remedy)

    def __str__(self) -> str:
        return f"{self.problem}\n  → {self.remedy}" if self.remedy else self.problem


class UserError(HybridError):
    """The call or its input must change."""

    exit_code = 2


class ConfigError(UserError):
    """An unknown key, a wrong type or an impossible value in the configuration."""


class InputError(UserError):
    """A file of the user's cannot be used. `line` starts at 1."""

    def __init__(self, path: Path | str, problem: str, remedy: str = "", *, line: int | None = None) -> None:
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {problem}", remedy)
        self.path = Path(path)
        self.line = line


class MissingError(UserError):
    """An artefact that this command needs has not been made yet."""


class StaleError(UserError):
    """An artefact was made from other inputs than the ones it would be used with."""


class IntegrityError(UserError):
    """A file's bytes are not those that were published: truncated, edited, or another download."""


class TooLittleDataError(UserError):
    """Fewer examples than the method's rule asks for; `--force` overrides."""


class EndpointError(HybridError):
    """An OpenAI-compatible server did not answer as it should."""
