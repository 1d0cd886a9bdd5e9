"""The log of a job: a file that may stop taking lines without an end to the job."""

import io
import logging
import sys
from pathlib import Path
from typing import TextIO

from alfvideo.files import regular
from alfvideo.files.errors import machine_error

MAX_LENGTH = 20_000
"""Characters of a log that are kept: a quarter from its beginning, the rest from its end."""


class LogFile(logging.FileHandler):
    """Writes each line at once; of a full disk it says so once and goes on with what there is."""

    def __init__(self, path: Path) -> None:
        """Open the file, empty."""
        self._reported = False
        super().__init__(path, mode="w", encoding="utf-8")

    def _open(self) -> TextIO:  # type: ignore[override]
        # Without a buffer nothing is left to write, and to fail, when the process ends.
        raw = Path(self.baseFilename).open("wb", buffering=0)  # noqa: SIM115
        return io.TextIOWrapper(raw, encoding="utf-8", errors="replace", write_through=True)

    @property
    def descriptor(self) -> int:
        """Of the open file."""
        assert self.stream is not None, "it is opened at once"
        return self.stream.fileno()

    def handleError(self, record: logging.LogRecord) -> None:
        """Report that lines are missing, once, if the file system is why."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._reported:
            self._reported = True
            print(incomplete(Path(self.baseFilename), error), file=sys.stderr)


def text(path: Path) -> str:
    """Return a log to be kept elsewhere, without its middle if it is long; empty if there is none.

    Raises nothing: the results of a job must not be lost for its log.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as opened:
            # Records of sessions are read whole; and there is room for what others add.
            return shortened(opened.read(regular.MAX_RECORD_BYTES), MAX_LENGTH // 2)
    except OSError:
        return ""


def shortened(text: str, longest: int = MAX_LENGTH) -> str:
    """Shorten a text by its middle if it is too long.

    >>> shortened('abcdefghijkl', 8)
    'ab\\n[... 4 characters left out ...]\\nghijkl'
    """
    left_out = len(text) - longest
    if left_out <= 0:
        return text
    head = longest // 4
    return f"{text[:head]}\n[... {left_out} characters left out ...]\n{text[head + left_out :]}"


def incomplete(path: Path, error: OSError) -> str:
    """Say that a log lacks lines, or all of them, and why."""
    why = machine_error(error.errno, path) or f"{path}: {error.strerror or error}."
    return f"The log is not complete, the job goes on. {why}"
