"""One run at a time below a data folder; the lock ends with the process that holds it."""

import fcntl
import os
import platform
from contextlib import suppress
from pathlib import Path

from alfvideo.errors import DataError

FILE_NAME = ".alfvideo.lock"

_held: list[int] = []


def check(root: Path) -> None:
    """See that no other run is at work below a data folder.

    Raises
    ------
    DataError
        If one is.
    """
    try:
        descriptor = os.open(root / FILE_NAME, os.O_RDONLY)
    except OSError:
        return
    try:
        _lock(descriptor, root, fcntl.LOCK_SH)
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
    try:
        _lock(descriptor, root, fcntl.LOCK_EX)
    except DataError:
        os.close(descriptor)
        raise
    os.truncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {platform.node()}".encode())
    _held.append(descriptor)


def _lock(descriptor: int, root: Path, kind: int) -> None:
    """Lock an open file at once; DataError if that cannot be, because another run has it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode(errors="replace")
        raise DataError(f"Another run is at work below {root} ({holder}): nothing to do.") from None
