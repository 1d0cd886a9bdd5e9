"""Running jobs and their progress: while a job works it holds a lock on its log."""

import os
import re
from contextlib import suppress
from pathlib import Path

from alfvideo.files import flock, regular

TAIL_BYTES = 4096
"""Of a log as much is read as holds its last line."""

_PROGRESS = re.compile(r"^\S+ \S+ [A-Z]+ (.* frames/s, .* left)$", re.M)
"""A line of `alfvideo.jobs.progress` in a log."""


def hold(descriptor: int) -> None:
    """Mark the log that is open here as that of a running job, until the process ends.

    File systems without locks show no job as running.
    """
    with suppress(OSError):
        flock.exclusive(descriptor)


def is_running(log: Path) -> bool:
    """Return whether a job holds this log, on this machine or on another that shares the folder."""
    try:
        descriptor = regular.open_for_reading(log)
    except OSError:
        return False
    try:
        return not flock.is_free(descriptor)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def progress(log: Path) -> str:
    """Return the progress that a job last wrote in its log; empty if it has not done so."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - TAIL_BYTES, 0))
            reports = _PROGRESS.findall(file.read().decode(errors="replace"))
    except OSError:
        return ""
    return reports[-1] if reports else ""
