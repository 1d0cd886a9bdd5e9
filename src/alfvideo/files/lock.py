"""One run at a time below a data folder; the lock ends with the process that holds it."""

import os
import platform
from contextlib import suppress
from pathlib import Path

from alfvideo.files import flock
from alfvideo.files.errors import DataError

FILE_NAME = ".alfvideo.lock"

_held: list[int] = []


def check(root: Path) -> None:
    """See that no other run is at work below a data folder.

    Raises
    ------
    DataError
        If one is.
    """
    if holder := held_by(root):
        raise DataError(_at_work(root, holder))


def held_by(root: Path) -> str:
    """Describe the process that is at work below a data folder; empty if none is."""
    try:
        descriptor = os.open(root / FILE_NAME, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return "" if flock.is_free(descriptor) else _holder(descriptor)
    finally:
        os.close(descriptor)


def acquire(root: Path) -> None:
    """Hold the lock of a data folder until this process ends, however it ends.

    Raises
    ------
    DataError
        If another run holds it, or the folder cannot be written to.
    """
    path = root / FILE_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise DataError(
            f"{root} cannot be written to ({error.strerror}). Results are kept beside the raw "
            "data: give the user who runs this write access."
        ) from error
    # Whoever shares the folder locks the same file.
    with suppress(PermissionError):
        os.fchmod(descriptor, 0o666)
    if not flock.exclusive(descriptor):
        holder = _holder(descriptor)
        os.close(descriptor)
        raise DataError(_at_work(root, holder))
    os.truncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {platform.node()}".encode())
    _held.append(descriptor)


def _holder(descriptor: int) -> str:
    return os.read(descriptor, 200).decode(errors="replace") or "a process that has just begun"


def _at_work(root: Path, holder: str) -> str:
    return f"Another run is at work below {root} ({holder}): nothing to do."
